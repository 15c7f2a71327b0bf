/**
 * What the torture writes: batches that are a function of the seed and their number, so that the page that writes
 * them and the process that checks them agree without talking. Runs in both.
 */

export const DIMENSION = 32;
/** Groups by which records are deleted. */
const GROUPS = 12;
/** The view that comes and goes, and how many groups it has. */
export const VIEW = 'some groups';
export const VIEW_GROUPS = 5;

/** What a run's collection keeps of vectors. */
export interface Keeps {
  readonly quantization: 'int8' | 'binary' | 'none';
  readonly keepVectors: boolean;
  /** How far the distance of a record from its own vector may be off. */
  readonly tolerance: number;
}

const KEEPS: readonly Keeps[] = [
  { quantization: 'int8', keepVectors: true, tolerance: 1e-4 },
  { quantization: 'none', keepVectors: true, tolerance: 1e-4 },
  { quantization: 'binary', keepVectors: true, tolerance: 1e-4 },
  { quantization: 'int8', keepVectors: false, tolerance: 0.01 },
  // Signs alone are a coarse estimate; the record itself still comes first.
  { quantization: 'binary', keepVectors: false, tolerance: 1 },
];

/** In runs of these seeds records are long: the log soon is, too, and is folded into checkpoints beside batches. */
export const LONG_SEEDS = 1_000_000;
const LONG_LETTERS = 6000;

export function keepsOf(seed: number): Keeps {
  return KEEPS[seed % KEEPS.length] as Keeps;
}

/** Random numbers that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A record as far as it is checked: which batch wrote it, and as which of its rows. */
export interface Written {
  readonly batch: number;
  readonly row: number;
}
export interface Step {
  readonly operation: 'insert' | 'upsert' | 'delete' | 'compact' | 'view';
  readonly batch: number;
  /** Ids in the order of the rows; empty for the others. */
  readonly ids: readonly string[];
  readonly group: number;
  /** Of `view`: whether it is to be there afterwards. */
  readonly wanted: boolean;
}

const mix = (a: number, b: number, c: number) =>
  Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^
  Math.imul(b + 1, 0xc2b2ae35) ^
  Math.imul(c + 1, 0x27d4eb2f);

/** Batch number `batch` of a run. */
export function stepOf(seed: number, batch: number): Step {
  const random = randomFrom(mix(seed, batch, 0));
  const choice = random();
  const group = Math.floor(random() * GROUPS);
  const nothing = { batch, ids: [], group, wanted: choice < 0.27 };
  if (batch === 0) return { ...nothing, operation: 'view', wanted: true };
  if (choice < 0.2) return { ...nothing, operation: 'delete' };
  if (choice < 0.24) return { ...nothing, operation: 'compact' };
  if (choice < 0.28) return { ...nothing, operation: 'view' };
  const rows = random() < 0.12 ? 500 + Math.floor(random() * 4000) : 1 + Math.floor(random() * 80);
  if (choice < 0.6) {
    const ids = Array.from({ length: rows }, (_, row) => `new-${batch}-${row}`);
    return { ...nothing, operation: 'insert', ids };
  }
  const ids = new Set<string>();
  while (ids.size < Math.min(rows, 300)) ids.add(`pool-${Math.floor(random() * 600)}`);
  return { ...nothing, operation: 'upsert', ids: [...ids] };
}

export function vectorOf(seed: number, { batch, row }: Written): Float32Array {
  const random = randomFrom(mix(seed, batch, row + 1));
  return Float32Array.from({ length: DIMENSION }, () => random() * 2 - 1);
}

export function groupOf({ batch, row }: Written): number {
  return (batch * 7 + row) % GROUPS;
}

/** Random letters, which no storage engine can compress much; every third record has none. */
export function documentOf(seed: number, { batch, row }: Written): string | undefined {
  if ((batch + row) % 3 === 0) return undefined;
  const random = randomFrom(mix(seed, batch, -row - 2));
  // Whole numbers only: engines differ in the last digit of powers, and in how they print fractions.
  const length = random() < 0.1 ? 3000 : 20 + Math.floor(random() * 300);
  let text = `${batch}.${row}:`;
  while (text.length < length) text += Math.floor(random() * 2 ** 32).toString(36);
  return text;
}

/** Letters that a record of a run has beside its document. */
export function paddingOf(seed: number, { batch, row }: Written): string {
  return seed < LONG_SEEDS
    ? ''
    : `${batch}.${row} of ${seed}, `.padEnd(20, '*').repeat(LONG_LETTERS / 20);
}

/** The batch as the collection takes it. */
export function rowsOf(seed: number, step: Step) {
  return step.ids.map((id, row) => {
    const written = { batch: step.batch, row };
    const document = documentOf(seed, written);
    return {
      id,
      vector: vectorOf(seed, written),
      metadata: {
        batch: step.batch,
        row,
        group: groupOf(written),
        padding: paddingOf(seed, written),
      },
      ...(document !== undefined && { document }),
    };
  });
}

/** FNV-1a over the text, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** What stands for a record in a digest: everything about it. */
export function lineOf(
  id: string,
  batch: number,
  row: number,
  document: string | undefined,
): string {
  return `${id}|${batch}|${row}|${document ?? ''}`;
}

/** Records, and a sum over them that does not depend on their order. */
export interface Digest {
  readonly records: number;
  readonly sum: number;
  /** Records of the view; undefined where it is not there. */
  readonly view: number | undefined;
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.records === b.records && a.sum === b.sum && a.view === b.view;
}

/** The collection as it must be: the batches of the run, applied to a map. */
export class Model {
  readonly seed: number;
  readonly records = new Map<string, Written>();
  /** Batches applied so far. */
  batches = 0;
  #sum = 0;
  #hasView = false;
  readonly #lines = new Map<string, number>();

  constructor(seed: number) {
    this.seed = seed;
  }

  digest(): Digest {
    let view = 0;
    for (const written of this.records.values()) if (groupOf(written) < VIEW_GROUPS) view += 1;
    return { records: this.records.size, sum: this.#sum, view: this.#hasView ? view : undefined };
  }

  /** Applies the next batch. */
  advance(): void {
    const step = stepOf(this.seed, this.batches++);
    if (step.operation === 'view') this.#hasView = step.wanted;
    if (step.operation === 'delete') {
      for (const [id, written] of this.records) {
        if (groupOf(written) === step.group) this.#remove(id);
      }
    }
    for (const [row, id] of step.ids.entries()) {
      const written = { batch: step.batch, row };
      this.#remove(id);
      this.records.set(id, written);
      const line = hash(lineOf(id, step.batch, row, documentOf(this.seed, written)));
      this.#lines.set(id, line);
      this.#sum = (this.#sum + line) % 2 ** 48;
    }
  }

  /** Passes over the next batch, which was refused. */
  skip(): void {
    this.batches += 1;
  }

  #remove(id: string): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    this.#lines.delete(id);
    this.records.delete(id);
    this.#sum = (this.#sum - line + 2 ** 48) % 2 ** 48;
  }
}
