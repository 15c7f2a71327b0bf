/** The torture's half in the page: writes the run's batches, and says what is there. */
import type { Collection } from '../../ts/index.js';
import {
  DIMENSION,
  type Digest,
  hash,
  keepsOf,
  lineOf,
  paddingOf,
  randomFrom,
  rowsOf,
  stepOf,
  VIEW,
  VIEW_GROUPS,
  vectorOf,
} from './workload.js';

interface Meta {
  batch: number;
  row: number;
  group: number;
  padding: string;
}
type Opened = Collection<Meta>;

declare global {
  var torture: typeof import('./page.js');
  /** Tells the process that kills; resolves once it has heard. */
  function tortureHears(what: string, value: string): Promise<void>;
}

let collection: Opened | undefined;
/** Its seed. */
let run = 0;

/** Opens the collection that a run of this seed writes. */
export async function open(name: string, seed: number): Promise<void> {
  // The built package, at the address where the test's server has it.
  const { Collection } = (await import(
    new URL('/kindex/index.js', location.href).href
  )) as typeof import('../../ts/index.js');
  run = seed;
  const { quantization, keepVectors } = keepsOf(seed);
  const options = { dimension: DIMENSION, quantization, keepVectors };
  collection = await Collection.open<Meta>(name, options);
}

const opened = () => collection as Opened;

/** One batch of the run. A batch that fails for want of space rejects; nothing else may. */
export async function write(seed: number, batch: number): Promise<void> {
  const step = stepOf(seed, batch);
  if (step.operation === 'view') await turnView(step.wanted);
  else if (step.operation === 'compact') await opened().compact();
  else if (step.operation === 'delete') await opened().delete({ where: { group: step.group } });
  else await opened()[step.operation](rowsOf(seed, step));
}

async function turnView(wanted: boolean): Promise<void> {
  const there = (await opened().listViews()).length > 0;
  if (wanted && !there) await opened().createView(VIEW, { where: { group: { $lt: VIEW_GROUPS } } });
  else if (there && !wanted) await opened().dropView(VIEW);
}

let stopping = false;
let writing: Promise<void> | undefined;

/**
 * Batches of the run from `batch` on, until the page is killed, is told to stop, or one fails. The next begins when it
 * is known that the one before was acknowledged: what a browser has yet to pass on when it is killed is never heard.
 */
export function writeOn(seed: number, batch: number): Promise<void> {
  stopping = false;
  const go = async () => {
    for (let next = batch; !stopping; next++) {
      try {
        await write(seed, next);
      } catch (thrown) {
        await tortureHears('fails', `${next} ${(thrown as { code?: string }).code} ${thrown}`);
        return;
      }
      await tortureHears('acknowledges', String(next));
    }
  };
  writing = go();
  return writing;
}

/** Resolves once nothing is written any more. */
export async function stop(): Promise<void> {
  stopping = true;
  await writing;
}

/** Batches of one tab that all tabs' batches are told apart from: `rows` new records each. */
export async function writeOwn(tab: string, first: number, batches: number, rows: number) {
  for (let batch = first; batch < first + batches; batch++) {
    const records = Array.from({ length: rows }, (_, row) => {
      const written = { batch, row };
      return {
        id: `${tab}/${batch}/${row}`,
        vector: vectorOf(hash(tab), written),
        metadata: { batch, row, group: 0, padding: paddingOf(run, written) },
      };
    });
    await tortureHears('begins', `${tab}/${batch}`);
    try {
      await opened().insert(records);
      await tortureHears('acknowledges', `${tab}/${batch}`);
    } catch (thrown) {
      await tortureHears(
        'fails',
        `${tab}/${batch} ${(thrown as { code?: string }).code} ${thrown}`,
      );
    }
  }
  await tortureHears('ends', tab);
}

/** What there is. An engine that has just ended may still have to answer for that. */
export async function digest(): Promise<Digest> {
  for (;;) {
    try {
      return await readAll();
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== 'CRASHED') throw thrown;
    }
  }
}

async function readAll(): Promise<Digest> {
  let records = 0;
  let sum = 0;
  const seen = new Set<string>();
  for await (const { id, metadata, document } of opened().iterate()) {
    const { batch, row, padding } = metadata as Meta;
    if (padding !== paddingOf(run, { batch, row }))
      throw new Error(`${id} has ${padding?.length} letters of padding that are not its own`);
    records += 1;
    seen.add(id);
    sum = (sum + hash(lineOf(id, batch, row, document))) % 2 ** 48;
  }
  const count = await opened().count();
  if (seen.size !== records || count !== records)
    throw new Error(`${records} records, ${seen.size} ids, count ${count}`);
  const [view] = await opened().listViews();
  return { records, sum, view: view?.size };
}

/** All ids. */
export async function ids(): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of opened().iterate({}, { include: [] })) found.push(id);
  return found;
}

/** How many of some searches for records that are there find another one first. */
export async function wrongAnswers(seed: number, searches: number): Promise<number> {
  const random = randomFrom(seed);
  const size = await opened().count();
  const [view] = await opened().listViews();
  const { tolerance } = keepsOf(seed);
  let wrong = 0;
  for (let i = 0; i < searches && size > 0; i++) {
    const [record] = await opened().get(
      { offset: Math.floor(random() * size), limit: 1 },
      { include: ['metadata', 'vector'] },
    );
    if (!record) throw new Error('a record is counted and not there');
    const { batch, row, group } = record.metadata as Meta;
    const vector = vectorOf(seed, { batch, row });
    for (const exact of [true, false]) {
      const isFound = async (options: { view?: string }) => {
        const [hit] = await opened().search(vector, { k: 1, exact, ...options });
        return hit?.id === record.id && hit.distance <= tolerance;
      };
      if (!(await isFound({}))) wrong += 1;
      if (view && (await isFound({ view: VIEW })) !== group < VIEW_GROUPS) wrong += 1;
    }
  }
  return wrong;
}

export async function stats() {
  const { writing, generation, checkpoint } = await opened().stats();
  return { writing, generation, checkpoint };
}

export async function destroy(name: string): Promise<void> {
  const { Collection } = (await import(
    new URL('/kindex/index.js', location.href).href
  )) as typeof import('../../ts/index.js');
  await Collection.destroy(name);
}
