import type { SetName } from './data/sets.js';
import type { Options, Part } from './options.js';
import type { Settings, SubjectName, Task } from './page/task.js';

/** What is measured, in order. */

export interface Case {
  readonly part: Part;
  readonly data: SetName;
  /** As the tables call it. */
  readonly library: string;
  readonly isolated: boolean;
  readonly rounds: number;
  readonly task: Task;
}

/** Kindex's own defaults. */
const KINDEX = { m: 16, efConstruction: 64 };
/** The rivals': what their native kin are measured with, and what keeps them above 0.98. */
const RIVAL = { m: 16, efConstruction: 100 };

const EFS = [40, 64, 80, 128];
const RIVAL_EFS = [64, 128];
const SEARCH_ROUNDS = 3;
/** Rows beyond which edgevec and voy are left out: they take minutes. */
const SLOW_ROWS = 10_000;
/** Rows of the single inserts. */
const SINGLE_ROWS = 10_000;
const GROWTH_BATCH = 1_000;
const FILTER_QUERIES = 200;
/** Thousandths of the rows. */
const FILTER_SHARES = [500, 100, 10, 1];

interface Contender {
  readonly library: string;
  readonly subject: SubjectName;
  readonly inWorker: boolean;
  readonly isolated: boolean;
  readonly threads: number;
  readonly graph: { readonly m: number; readonly efConstruction: number };
  readonly efs: readonly number[];
  readonly slow?: true;
}

const CORE: Contender = {
  library: 'kindex/core Index, 1 thread',
  subject: 'kindex-core',
  inWorker: true,
  isolated: false,
  threads: 1,
  graph: KINDEX,
  efs: EFS,
};
const ENGINE: Contender = {
  ...CORE,
  library: 'kindex engine, 2 threads',
  subject: 'kindex-threads',
  isolated: true,
  threads: 2,
};
const COLLECTION: Contender = {
  ...ENGINE,
  library: 'kindex Collection, 2 threads',
  subject: 'kindex-collection',
  inWorker: false,
};
const COLLECTION_ALONE: Contender = {
  ...COLLECTION,
  library: 'kindex Collection, 1 thread',
  isolated: false,
  threads: 1,
};
const HNSWLIB: Contender = {
  ...CORE,
  library: 'hnswlib-wasm 0.8.2',
  subject: 'hnswlib-wasm',
  inWorker: false,
  graph: RIVAL,
  efs: RIVAL_EFS,
};
const EDGEVEC: Contender = {
  ...CORE,
  library: 'edgevec 0.9.0 (l2)',
  subject: 'edgevec',
  graph: RIVAL,
  efs: [64],
  slow: true,
};
const VOY: Contender = {
  ...CORE,
  library: 'voy-search 0.6.3 (k-d tree, exact)',
  subject: 'voy',
  graph: RIVAL,
  efs: [0],
  slow: true,
};

const OURS = [CORE, ENGINE, COLLECTION, COLLECTION_ALONE];

/** Rows of the largest collection that a run grows to. */
export const largestRows = (options: Options) => (options.quick ? 20_000 : 100_000);

export function plan(options: Options): Case[] {
  const has = (part: Part) => options.parts.has(part);
  const searches = has('search');
  const sizes = options.quick ? [1_000, 10_000] : [1_000, 10_000, 50_000, 100_000];
  const top = options.quick ? 10_000 : 50_000;
  const cases: Case[] = [];
  if (has('insert') || searches) {
    for (const data of ['wordnet-384', 'wordnet-128'] as const) {
      for (const rows of has('insert') ? sizes : [top]) {
        for (const contender of contenders(options, data, rows))
          cases.push(build(options, contender, data, rows, searches));
      }
    }
  }
  if (has('patches')) {
    for (const contender of contenders(options, 'image-patches', top))
      cases.push(build(options, contender, 'image-patches', top, true));
  }
  if (has('growth')) for (const one of [CORE, ENGINE, COLLECTION]) cases.push(growth(one, top));
  if (has('single')) cases.push(...singles(options));
  if (has('filter')) cases.push(filters(top));
  if (has('million')) cases.push(million(options));
  return cases;
}

function contenders(options: Options, data: SetName, rows: number): Contender[] {
  const rivals = [HNSWLIB, EDGEVEC, ...(data === 'wordnet-384' ? [VOY] : [])];
  const fit = rivals.filter(({ slow }) => !slow || rows <= SLOW_ROWS);
  return options.rivals ? [...OURS, ...fit] : OURS;
}

function build(
  options: Options,
  contender: Contender,
  data: SetName,
  rows: number,
  searches: boolean,
): Case {
  const efs = searches && rows >= SLOW_ROWS ? contender.efs : [];
  const task = {
    ...common(contender, data, rows, contender.efs[0]),
    kind: 'build' as const,
    rows,
    efs,
    searchRounds: SEARCH_ROUNDS,
  };
  const part: Part = data === 'image-patches' ? 'patches' : 'insert';
  return { ...about(contender, data, part), rounds: options.rounds, task };
}

function growth(contender: Contender, from: number): Case {
  const data = 'wordnet-384';
  const task = {
    ...common(contender, data, 2 * from),
    kind: 'growth' as const,
    from,
    to: 2 * from,
    batch: GROWTH_BATCH,
    ef: 80,
  };
  return { ...about(contender, data, 'growth'), rounds: 1, task };
}

function singles({ quick, rivals, rounds }: Options): Case[] {
  const data = 'wordnet-384';
  const rows = quick ? 2_000 : SINGLE_ROWS;
  const one = (contender: Contender, gathered: boolean): Case => {
    const task = { ...common(contender, data, rows), kind: 'single' as const, rows, gathered };
    return { ...about(contender, data, 'single'), rounds, task };
  };
  const cases = [one(CORE, false), one(COLLECTION, false), one(COLLECTION, true)];
  return rivals ? [...cases, one(HNSWLIB, false), one(EDGEVEC, false)] : cases;
}

function filters(rows: number): Case {
  const data = 'wordnet-384';
  const task = {
    ...common(COLLECTION, data, rows),
    kind: 'filter' as const,
    rows,
    queries: FILTER_QUERIES,
    shares: FILTER_SHARES,
    ef: 64,
    searchRounds: SEARCH_ROUNDS,
  };
  return { ...about(COLLECTION, data, 'filter'), rounds: 1, task };
}

function million({ quick }: Options): Case {
  const data = 'wordnet-384';
  const rows = quick ? 200_000 : 1_000_000;
  const task = {
    ...common(ENGINE, data, rows),
    kind: 'million' as const,
    rows,
    batch: 50_000,
    queries: 100,
    efs: EFS,
  };
  return { ...about(ENGINE, data, 'million'), rounds: 1, task };
}

function about({ library, isolated }: Contender, data: SetName, part: Part) {
  return { part, data, library, isolated };
}

function common(contender: Contender, data: SetName, capacity: number, ef = 64) {
  const { subject, inWorker, threads, graph } = contender;
  const dimension = { 'wordnet-384': 384, 'wordnet-128': 128, 'image-patches': 256 }[data];
  const metric = data === 'image-patches' ? ('euclidean' as const) : ('cosine' as const);
  const settings: Settings = { dimension, metric, capacity, threads, ...graph, ef };
  return { subject, inWorker, data, settings };
}
