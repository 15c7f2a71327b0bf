import { SET_NAMES, type SetName } from './data/sets.js';
import type { Filtering, Insertion, Results, Searching } from './results.js';
import { p95 } from './results.js';

/** The results as Markdown for people. */

/** The recall at which libraries are compared. */
const RECALL = 0.98;
/** Whom the others are compared with. */
const YARDSTICK = 'hnswlib-wasm';

export function markdown(results: Results): string {
  const sections = [
    head(results),
    builds(results),
    curve(results),
    growth(results),
    singles(results),
    compared(results),
    searches(results),
    filters(results),
    million(results),
    longTasks(results),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function head({ machine, browser, date, rounds, sets, loads, notes }: Results): string {
  return [
    '# Kindex beside other vector libraries in the browser',
    '',
    `${machine}. ${browser}, headless. ${date} UTC.`,
    `Load average ${load(Math.min(...loads))} to ${load(Math.max(...loads))}, of which two at most are the benchmark's: a figure from a busy machine is a low one.`,
    `Medians of ${rounds} cold pages, each in a browser of its own, a second after it has started; loading the library is not counted. recall@10 against an exact scan.`,
    '',
    ...[...sets].map(([name, text]) => `- **${name}**: ${text}`),
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

/** A column of a table: its title, and what it says of a row. */
type Column<T> = readonly [title: string, cell: (row: T) => string];

type Placed = Pick<Insertion, 'data' | 'dimension' | 'rows' | 'library'>;
type Graph = Pick<Insertion, 'threads' | 'm' | 'efConstruction' | 'library'>;

const DATA: readonly Column<Placed>[] = [
  ['data', ({ data }) => data],
  ['dimension', ({ dimension }) => String(dimension)],
];
const LIBRARY: Column<Placed> = ['library', ({ library }) => library];
const PLACE: readonly Column<Placed>[] = [...DATA, ['N', ({ rows }) => whole(rows)], LIBRARY];

const THREADS: Column<Graph> = ['threads', ({ threads }) => String(threads)];
/** voy has a tree. */
const graph = (library: string, value: number) => (library.startsWith('voy') ? '' : String(value));
const GRAPH: readonly Column<Graph>[] = [
  THREADS,
  ['M', ({ library, m }) => graph(library, m)],
  ['efC', ({ library, efConstruction }) => graph(library, efConstruction)],
];

const BEAM: Column<Pick<Searching, 'ef'>> = ['ef', ({ ef }) => (ef === 0 ? '' : String(ef))];
const FOUND: readonly Column<Pick<Searching, 'recall' | 'rate'>>[] = [
  ['recall@10', ({ recall }) => recall.toFixed(4)],
  ['queries/s', ({ rate }) => whole(rate)],
];
const INSERTS: Column<Pick<Insertion, 'rate'>> = ['inserts/s', ({ rate }) => whole(rate)];

function builds({ insertions }: Results): string {
  const rows = insertions.filter(({ kind }) => kind === 'build');
  return table<Insertion>(
    'Inserting one batch into an empty index, encoding included',
    rows,
    [
      ...PLACE,
      ...GRAPH,
      INSERTS,
      ['x hnswlib-wasm', (row) => times(row.rate, yardstick(rows, row)?.rate)],
      ['ready ms', ({ openMs }) => whole(openMs)],
      ['peak MB', ({ peakBytes }) => megabytes(peakBytes)],
    ],
    "Peak MB: the high-water mark of the page's process, the benchmark's own copy of the data included.",
  );
}

/** How the rate changes with the size. */
function curve({ insertions }: Results): string {
  const builds = insertions.filter(({ kind }) => kind === 'build');
  const sizes = [...new Set(builds.map(({ rows }) => rows))].sort((a, b) => a - b);
  if (sizes.length < 2) return '';
  const lines = SET_NAMES.flatMap((data) => {
    const of = builds.filter((row) => row.data === data);
    const libraries = [...new Set(of.map(({ library }) => library))];
    return libraries.map((library) => ({
      data,
      library,
      rate: (n: number) => of.find((row) => row.library === library && row.rows === n)?.rate,
    }));
  });
  return table<(typeof lines)[number]>('Inserts/s by N', lines, [
    ['data', ({ data }) => data],
    ['library', ({ library }) => library],
    ...sizes.map((n) => [whole(n), ({ rate }) => whole(rate(n))] as Column<(typeof lines)[number]>),
    ['100k / 10k', ({ rate }) => times(rate(100_000), rate(10_000), 2)],
  ]);
}

function growth({ insertions }: Results): string {
  return table<Insertion>(
    'Growing by batches of 1,000',
    insertions.filter(({ kind }) => kind === 'growth'),
    [
      ...DATA,
      ['from', ({ from }) => whole(from)],
      ['to', ({ rows }) => whole(rows)],
      LIBRARY,
      ...GRAPH,
      INSERTS,
      ['p95 of a batch, ms', ({ ms }) => p95(ms).toFixed(1)],
      ['recall@10', ({ recall, ef }) => `${recall?.toFixed(4)} (ef ${ef})`],
    ],
  );
}

function singles({ insertions }: Results): string {
  const batch = (row: Insertion) =>
    insertions.find(
      (other) =>
        other.kind === 'build' &&
        other.library === row.library &&
        other.data === row.data &&
        other.rows === row.rows,
    );
  return table<Insertion>(
    'Single inserts against one batch',
    insertions.filter(({ kind }) => kind === 'single' || kind === 'gathered'),
    [
      ...PLACE,
      ...GRAPH,
      [
        'calls',
        ({ kind }) =>
          kind === 'gathered' ? 'all at once, awaited together' : 'one after the other',
      ],
      INSERTS,
      ['one batch, inserts/s', (row) => whole(batch(row)?.rate)],
    ],
  );
}

/** Each library at the narrowest beam that reaches the recall. */
function compared({ searches }: Results): string {
  const usual = searches.filter(({ part }) => part !== 'million');
  const groups = new Map<string, Searching[]>();
  for (const search of usual) {
    const key = [search.data, search.rows, search.library, search.way].join('|');
    groups.set(key, [...(groups.get(key) ?? []), search]);
  }
  const best = [...groups.values()].flatMap(
    (group) => group.find(({ recall }) => recall >= RECALL) ?? [],
  );
  return table<Searching>(
    `Queries/s at recall@10 of ${RECALL} or more: the narrowest beam measured that reaches it`,
    best,
    [
      ...PLACE,
      THREADS,
      ['calls', ({ way }) => way],
      BEAM,
      ...FOUND,
      ['x hnswlib-wasm', (row) => times(row.rate, yardstick(best, row)?.rate)],
    ],
  );
}

function searches({ searches }: Results): string {
  return table<Searching>(
    'Queries/s and recall by beam',
    searches.filter(({ part }) => part !== 'million'),
    [...PLACE, ...GRAPH, ['calls', ({ way }) => way], BEAM, ...FOUND],
  );
}

function filters({ filters }: Results): string {
  const exact = (row: Filtering) =>
    filters.find((other) => other.exact && other.share === row.share)?.rate;
  return table<Filtering>(
    'Filtered search, awaited one by one',
    filters.filter((row) => !row.exact),
    [
      ...PLACE,
      ...GRAPH,
      ['share', ({ share }) => `${share / 10} %`],
      BEAM,
      ['way', ({ strategy }) => strategy],
      ...FOUND,
      ['exact scan, queries/s', (row) => whole(exact(row))],
      ['x exact', (row) => times(row.rate, exact(row))],
    ],
  );
}

function million({ insertions, searches }: Results): string {
  const built = insertions.find(({ kind }) => kind === 'million');
  if (!built) return '';
  const bytes = Object.entries(built.bytes ?? {});
  const facts = [
    `${whole(built.rows)} x ${built.dimension} generated rows in batches of 50,000, codes only (keepVectors: false), ${built.library}, M ${built.m}, efConstruction ${built.efConstruction}.`,
    `Built in ${(built.ms.reduce((a, b) => a + b, 0) / 1000).toFixed(1)} s (${whole(built.rate)} inserts/s).`,
    `Peak of the page's process ${megabytes(built.peakBytes)} MB (23 MB of codes and 77 MB of rows are the generator's); ${bytes.map(([name, n]) => `${name} ${megabytes(n)} MB`).join(', ')}.`,
  ].join(' ');
  return table<Searching>(
    'A million vectors: 100 queries, one thread',
    searches.filter(({ part }) => part === 'million'),
    [BEAM, ...FOUND],
    facts,
  );
}

function longTasks({ insertions }: Results): string {
  const cell = (tasks: readonly number[] = []) =>
    tasks.length === 0 ? 'none' : `${tasks.length}, longest ${whole(Math.max(...tasks))}`;
  return table<Insertion>(
    'Long tasks (50 ms or more) on the main thread, ms',
    insertions.filter(({ longTasks }) => longTasks !== undefined),
    [
      ...PLACE,
      ['kind', ({ kind }) => kind],
      ['while inserting', ({ longTasks }) => cell(longTasks?.inserting)],
      ['while searching', ({ longTasks }) => cell(longTasks?.searching)],
    ],
  );
}

/** The row of hnswlib-wasm for the same data and size. */
function yardstick<T extends { library: string; data: SetName; rows: number }>(
  rows: readonly T[],
  { data, rows: n }: T,
): T | undefined {
  return rows.find(
    (row) => row.library.startsWith(YARDSTICK) && row.data === data && row.rows === n,
  );
}

function table<T>(
  heading: string,
  rows: readonly T[],
  columns: readonly Column<T>[],
  text = '',
): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = ([title]: Column<T>) =>
    /^(data|library|calls|way|kind|while)/.test(title) ? '---' : '--:';
  return [
    `## ${heading}`,
    '',
    ...(text ? [text, ''] : []),
    line(columns.map(([title]) => title)),
    `|${columns.map(rule).join('|')}|`,
    ...rows.map((row) => line(columns.map(([, cell]) => cell(row)))),
  ].join('\n');
}

const load = (value: number) => value.toFixed(1);

const whole = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? '' : Math.round(value).toLocaleString('en');

const times = (value: number | undefined, by: number | undefined, digits = 1) =>
  value === undefined || by === undefined ? '' : (value / by).toFixed(digits);

const megabytes = (bytes: number | undefined) =>
  bytes === undefined ? '' : whole(bytes / 2 ** 20);
