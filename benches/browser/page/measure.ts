import { fetchFloats } from './rows.js';
import type { KindexCollection } from './subjects/kindex-collection.js';
import { rowAt, type Subject } from './subjects/subject.js';
import type {
  BuildTask,
  FilterOutcome,
  FilterTask,
  GrowthTask,
  Outcome,
  SearchOutcome,
  SingleTask,
} from './task.js';

/** The clock around a subject's calls. */

/** Results of every search. */
const K = 10;
/** Calls that the filtered search gets before it is timed. */
const FILTER_WARM_UP = 20;

/** Marks the stretch of time that follows, for the long tasks. */
export type Phase = (name: 'inserting' | 'searching' | 'between') => void;

export async function build(subject: Subject, task: BuildTask, phase: Phase): Promise<Outcome> {
  const { settings, data } = task;
  const rows = await fetchFloats(`${data}.base`, task.rows * settings.dimension);
  const openMs = await timed(() => subject.open(settings));
  const prepared = subject.prepare(rows, 0);
  phase('inserting');
  const insertMs = [await timed(() => subject.insert(prepared))];
  phase('between');
  const searches: SearchOutcome[] = [];
  if (task.efs.length > 0) {
    const queries = await fetchFloats(`${data}.queries`);
    for (const ef of task.efs) {
      phase('searching');
      searches.push(await oneByOne(subject, queries, task, ef));
      if (subject.searchBatch) searches.push(await allInOne(subject, queries, task, ef));
      phase('between');
    }
  }
  return { ...(await self(subject)), openMs, insertMs, searches };
}

async function oneByOne(
  subject: Subject,
  queries: Float32Array,
  { settings, searchRounds }: BuildTask,
  ef: number,
): Promise<SearchOutcome> {
  const each = split(queries, settings.dimension);
  const rounds: number[] = [];
  let found: unknown[] = [];
  for (let round = 0; round < searchRounds; round++) {
    found = [];
    rounds.push(
      await timed(async () => {
        for (const query of each) {
          const hits = subject.search(query, K, ef);
          // Awaiting what is no promise would cost a turn of the queue.
          found.push(hits instanceof Promise ? await hits : hits);
        }
      }),
    );
  }
  return { way: 'one by one', ef, rounds, answers: found.map((hits) => subject.rowsOf(hits)) };
}

async function allInOne(
  subject: Subject,
  queries: Float32Array,
  { searchRounds }: BuildTask,
  ef: number,
): Promise<SearchOutcome> {
  const rounds: number[] = [];
  let found: unknown[] = [];
  for (let round = 0; round < searchRounds; round++) {
    rounds.push(
      await timed(async () => {
        found = (await subject.searchBatch!(queries, K, ef)) as unknown[];
      }),
    );
  }
  return { way: 'searchBatch', ef, rounds, answers: found.map((hits) => subject.rowsOf(hits)) };
}

export async function single(subject: Subject, task: SingleTask, phase: Phase): Promise<Outcome> {
  const { settings, data } = task;
  const rows = await fetchFloats(`${data}.base`, task.rows * settings.dimension);
  const openMs = await timed(() => subject.open(settings));
  const prepared = split(rows, settings.dimension).map((row, i) => subject.prepare(row, i));
  phase('inserting');
  const insertMs = await timed(async () => {
    if (task.gathered) {
      await Promise.all(prepared.map((row) => subject.insert(row)));
      return;
    }
    for (const row of prepared) {
      const done = subject.insert(row);
      if (done instanceof Promise) await done;
    }
  });
  phase('between');
  return { ...(await self(subject)), openMs, insertMs: [insertMs], searches: [] };
}

export async function growth(subject: Subject, task: GrowthTask, phase: Phase): Promise<Outcome> {
  const { settings, data, from, to, batch, ef } = task;
  const { dimension } = settings;
  const rows = await fetchFloats(`${data}.base`, to * dimension);
  const queries = await fetchFloats(`${data}.queries`);
  const openMs = await timed(() => subject.open(settings));
  await subject.insert(subject.prepare(rows.slice(0, from * dimension), 0));
  const insertMs: number[] = [];
  for (let at = from; at < to; at += batch) {
    const end = Math.min(at + batch, to);
    const prepared = subject.prepare(rows.slice(at * dimension, end * dimension), at);
    phase('inserting');
    insertMs.push(await timed(() => subject.insert(prepared)));
    phase('between');
  }
  const found: unknown[] = [];
  for (const query of split(queries, dimension)) found.push(await subject.search(query, K, ef));
  const answers = found.map((hits) => subject.rowsOf(hits));
  const searches: SearchOutcome[] = [{ way: 'one by one', ef, rounds: [], answers }];
  return { ...(await self(subject)), openMs, insertMs, searches };
}

export async function filter(subject: KindexCollection, task: FilterTask): Promise<Outcome> {
  const { settings, data, ef } = task;
  const rows = await fetchFloats(`${data}.base`, task.rows * settings.dimension);
  const queries = await fetchFloats(`${data}.queries`, task.queries * settings.dimension);
  const each = split(queries, settings.dimension);
  const openMs = await timed(() => subject.open(settings));
  const prepared = subject.prepare(rows, 0);
  const insertMs = [await timed(() => subject.insert(prepared))];
  const filters: FilterOutcome[] = [];
  for (const share of task.shares) {
    const strategy = await subject.strategyWhere(each[0]!, ef, share);
    const ask = (query: Float32Array, exact: boolean) =>
      subject.searchWhere(query, K, ef, share, exact);
    const sides = [
      { exact: false, strategy, rounds: [] as number[], answers: [] as number[][] },
      { exact: true, strategy: 'exact', rounds: [] as number[], answers: [] as number[][] },
    ];
    for (const { exact } of sides) {
      for (const query of each.slice(0, FILTER_WARM_UP)) await ask(query, exact);
    }
    // In turns, so that whatever else the machine does hits both.
    for (let round = 0; round < task.searchRounds; round++) {
      for (const side of sides) {
        const found: Awaited<ReturnType<typeof ask>>[] = [];
        side.rounds.push(
          await timed(async () => {
            for (const query of each) found.push(await ask(query, side.exact));
          }),
        );
        side.answers = found.map((hits) => subject.rowsOf(hits));
      }
    }
    for (const side of sides) filters.push({ share, ef, way: 'one by one', ...side });
  }
  return { ...(await self(subject)), openMs, insertMs, searches: [], filters };
}

async function self(subject: Subject): Promise<Pick<Outcome, 'about' | 'bytes'>> {
  const about = await subject.about();
  return subject.bytes ? { about, bytes: await subject.bytes() } : { about };
}

/** A row each, copied: what a caller who has one query at a time would pass. */
function split(rows: Float32Array, dimension: number): Float32Array[] {
  const count = rows.length / dimension;
  return Array.from({ length: count }, (_, i) => rowAt(rows, dimension, i).slice());
}

export async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  const pending = work();
  if (pending instanceof Promise) await pending;
  return performance.now() - began;
}
