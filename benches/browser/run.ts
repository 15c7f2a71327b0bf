import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { browserVersion, type Ran, runInBrowser } from './chromium.js';
import { DataSets } from './data/sets.js';
import { type RowFilter, Truth } from './data/truth.js';
import type { Options } from './options.js';
import { bucketOf, type Outcome } from './page/task.js';
import { type Case, largestRows, plan } from './plan.js';
import { type Insertion, median, type Results, sum, whereOf } from './results.js';

/** A build that takes longer, in milliseconds, is not repeated. */
const PATIENCE_MS = 30_000;

export interface Surroundings {
  readonly root: string;
  readonly chromium: string;
  /** Where data for the pages is left. */
  readonly dataFolder: string;
  /** Addresses of the page with the headers of cross-origin isolation, and without. */
  readonly isolatedUrl: string;
  readonly plainUrl: string;
  /** Called after every case, so that a run that is cut short leaves what it measured. */
  readonly save: (results: Results) => void;
}

/** Measures everything that was asked for. A case that fails becomes a note. */
export async function run(options: Options, around: Surroundings): Promise<Results> {
  const results: Results = {
    machine: machine(),
    browser: await browserVersion(around.chromium),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    rounds: options.rounds,
    queries: 1_000,
    sets: new Map(),
    insertions: [],
    searches: [],
    filters: [],
    loads: [],
    notes: [],
  };
  const runner = new Runner(options, around, results);
  for (const one of plan(options)) {
    results.loads.push(loadavg()[0]!);
    await runner.measure(one);
    around.save(results);
  }
  return results;
}

class Runner {
  readonly #around: Surroundings;
  readonly #results: Results;
  readonly #sets: DataSets;
  readonly #missing = new Set<string>();

  constructor(options: Options, around: Surroundings, results: Results) {
    this.#around = around;
    this.#results = results;
    this.#sets = new DataSets(around.root, around.dataFolder, largestRows(options));
  }

  async measure(one: Case): Promise<void> {
    const title = `${one.part}: ${one.library}, ${one.data}, ${describe(one)}`;
    if (!this.#provide(one)) return;
    try {
      const [first, ...others] = await this.#rounds(one);
      this.#insertion(one, [first!, ...others]);
      this.#searches(one, first!.outcome);
      const rate = one.task.kind === 'filter' ? undefined : this.#results.insertions.at(-1)?.rate;
      const said =
        rate === undefined ? 'done' : `${Math.round(rate).toLocaleString('en')} inserts/s`;
      console.error(`  ${title}: ${said}`);
    } catch (thrown) {
      this.#note(`${title} failed: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }

  /** Whether the data of a case is there. */
  #provide({ data, task }: Case): boolean {
    if (this.#missing.has(data)) return false;
    try {
      const set = this.#sets.load(data);
      if (task.kind === 'million') this.#sets.writeCodes();
      this.#results.sets.set(
        data,
        `${set.description}; ${set.dimension} components, ${set.metric}`,
      );
      return true;
    } catch (thrown) {
      this.#missing.add(data);
      this.#note(`${data} is left out: ${thrown instanceof Error ? thrown.message : thrown}`);
      return false;
    }
  }

  async #rounds(one: Case): Promise<Ran[]> {
    const { chromium, isolatedUrl, plainUrl } = this.#around;
    const url = one.isolated ? isolatedUrl : plainUrl;
    const rounds: Ran[] = [];
    while (rounds.length < one.rounds) {
      // Searches are measured in the first round only; they have rounds of their own.
      const quiet = rounds.length > 0 && one.task.kind === 'build';
      const task = quiet ? { ...one.task, efs: [] } : one.task;
      const ran = await runInBrowser(chromium, url, task);
      rounds.push(ran);
      if (sum(ran.outcome.insertMs) > PATIENCE_MS) break;
    }
    return rounds;
  }

  #insertion(one: Case, rounds: readonly Ran[]): void {
    const { task } = one;
    if (task.kind === 'filter') return;
    const first = rounds[0]!.outcome;
    const whole = rounds.map(({ outcome }) => sum(outcome.insertMs));
    const count = task.kind === 'growth' ? task.to - task.from : task.rows;
    const peaks = rounds.flatMap(({ peakBytes }) => peakBytes ?? []);
    const insertion: Insertion = {
      ...whereOf(one, first.about),
      kind: task.kind === 'single' && task.gathered ? 'gathered' : task.kind,
      rate: (count * 1000) / median(whole),
      ms: task.kind === 'growth' || task.kind === 'million' ? first.insertMs : whole,
      openMs: median(rounds.map(({ outcome }) => outcome.openMs)),
      peakBytes: peaks.length > 0 ? median(peaks) : undefined,
      bytes: first.bytes,
      longTasks: first.longTasks,
      ...(task.kind === 'growth' && this.#growth(one, first)),
    };
    this.#results.insertions.push(insertion);
  }

  #growth(one: Case, { searches }: Outcome): Partial<Insertion> {
    const { task } = one;
    if (task.kind !== 'growth') return {};
    const recall = this.#truth(one, task.to, this.#results.queries).recall(searches[0]!.answers);
    return { from: task.from, ef: task.ef, recall };
  }

  #searches(one: Case, outcome: Outcome): void {
    const { task } = one;
    if (task.kind === 'growth') return;
    const where = whereOf(one, outcome.about);
    for (const [i, { way, ef, rounds, answers }] of outcome.searches.entries()) {
      const queries = task.kind === 'million' ? task.queries : answers.length;
      const rate = (queries * 1000) / median(rounds);
      const known = outcome.recalls?.[i];
      const recall = known ?? this.#truth(one, task.rows, queries).recall(answers);
      this.#results.searches.push({ ...where, way, ef, recall, rate });
    }
    for (const found of outcome.filters ?? []) {
      const { share, exact, strategy, way, ef, rounds, answers } = found;
      const holds: RowFilter = (row) => bucketOf(row) < share;
      const filter = { label: `bucket < ${share}`, holds };
      const recall = this.#truth(one, task.rows, answers.length, filter).recall(answers, holds);
      const rate = (answers.length * 1000) / median(rounds);
      this.#results.filters.push({ ...where, way, ef, recall, rate, share, exact, strategy });
    }
  }

  #truth(
    { data }: Case,
    rows: number,
    queries: number,
    filter?: { label: string; holds: RowFilter },
  ): Truth {
    return Truth.scan(this.#sets.load(data), rows, queries, this.#around.dataFolder, filter);
  }

  #note(text: string): void {
    console.error(`note: ${text}`);
    this.#results.notes.push(text);
  }
}

function describe({ task }: Case): string {
  if (task.kind === 'growth') return `${task.from} to ${task.to} rows`;
  return `${task.rows} rows${task.kind === 'single' && task.gathered ? ', gathered' : ''}`;
}

/** The processor, its cores and memory. */
function machine(): string {
  const all = cpus();
  const model = all[0]?.model ?? process.arch;
  const memory = /MemTotal:\s+(\d+)/.exec(readMemory())?.[1];
  const gigabytes = memory ? `, ${Math.round(Number(memory) / 2 ** 20)} GB` : '';
  return `${model}, ${all.length} cores${gigabytes}`;
}

function readMemory(): string {
  try {
    return readFileSync('/proc/meminfo', 'utf8');
  } catch {
    return '';
  }
}
