// A page of real components, for tests/browser/react.test.ts to drive: what it shows is what the hooks say.
import { Collection } from 'kindex';
import { useCollection, useSearch } from 'kindex/react';
import { createElement, StrictMode, useState, version } from 'react';
import { createRoot, type Root } from 'react-dom/client';

type Note = { n: number };

/** What the test sets, and every component reads. */
interface Settings {
  readonly name: string;
  readonly query: number[] | string | undefined;
  readonly least: number;
  readonly live: boolean;
  readonly debounce: number;
  readonly mounted: boolean;
  /** How many components use the same collection. */
  readonly copies: number;
  readonly metric: 'cosine' | 'euclidean';
}

let searches = 0;
let opened = 0;
const { search } = Collection.prototype;
Collection.prototype.search = function counted(this: Collection, ...parameters) {
  searches += 1;
  return search.apply(this, parameters);
};
const open = Collection.open;
Collection.open = ((...parameters: Parameters<typeof open>) => {
  opened += 1;
  return open.apply(Collection, parameters);
}) as typeof open;

/** Answers only when the test says so. */
const held = new Map<string, () => void>();
async function embed(texts: readonly string[]): Promise<number[][]> {
  for (const text of texts) {
    if (text.startsWith('slow')) await new Promise<void>((resolve) => held.set(text, resolve));
  }
  return texts.map((text) => [1, Number(/\d+/.exec(text)?.[0] ?? 0), 0, 0]);
}

let collection: Collection<Note> | undefined;
/** Every text that was shown. */
const shown = new Set<string>();

function Notes({ name, query, least, live, debounce, metric }: Settings) {
  const state = useCollection<Note>(name, { dimension: 4, metric, embed: (texts) => embed(texts) });
  const found = useSearch(state.collection, query, {
    k: 3,
    where: { n: { $gte: least } },
    live,
    debounce,
  });
  collection = state.collection;
  const failure = state.error ?? found.error;
  const text = `${failure ? `${failure.code} ` : ''}${found.hits.map(({ id }) => id).join(',')}`;
  shown.add(text);
  return createElement(
    'p',
    { 'data-loading': state.loading, 'data-searching': found.loading, onClick: state.retry },
    text,
  );
}

let set: (change: Partial<Settings>) => void = () => {};

function Page() {
  const [settings, setSettings] = useState<Settings>({
    name: 'notes',
    query: undefined,
    least: 0,
    live: true,
    debounce: 0,
    mounted: true,
    copies: 1,
    metric: 'euclidean',
  });
  set = (change) => setSettings((before) => ({ ...before, ...change }));
  if (!settings.mounted) return 'nothing';
  return Array.from({ length: settings.copies }, (_, i) =>
    createElement(Notes, { key: i, ...settings }),
  );
}

const root: Root = createRoot(document.body.appendChild(document.createElement('main')));
root.render(createElement(StrictMode, null, createElement(Page)));

/** What the test calls. */
const app = {
  set: (change: Partial<Settings>) => set(change),
  shown: () => [...shown],
  react: version,
  counts: () => ({ searches, opened }),
  release: (text: string) => held.get(text)?.(),
  awaits: (text: string) => held.has(text),
  insert: (numbers: number[]) =>
    collection?.insert(
      numbers.map((n) => ({ id: `n${n}`, vector: [1, n, 0, 0], metadata: { n } })),
    ),
  delete: (ids: string[]) => collection?.delete({ ids }),
  /** Another object of the same collection, as other code of the page may have one. */
  insertElsewhere: async (n: number) => {
    const other = await open<Note>('notes');
    await other.insert({ id: `n${n}`, vector: [1, n, 0, 0], metadata: { n } });
    await other.close();
  },
};
export type App = typeof app;
Object.assign(globalThis, { app });
