import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DIMENSION,
  joinVectorFiles,
  readVectorFile,
  type VectorFile,
} from '../../../www/wordnet.js';
import { Mixtures, unitRows } from './mixtures.js';
import { imagePatches, PATCH_DIMENSION } from './patches.js';
import { principalAxes, projectToUnit } from './principal-axes.js';

/** Rows of WordNet that are inserted; those after them are the queries. */
const BASE_ROWS = 60_000;
const QUERIES = 1_000;
const NARROW = 128;

export const SET_NAMES = ['wordnet-384', 'wordnet-128', 'image-patches'] as const;
export type SetName = (typeof SET_NAMES)[number];

/** Real vectors, row-major, and the queries that are kept out of them. */
export interface DataSet {
  readonly name: SetName;
  readonly description: string;
  readonly dimension: number;
  readonly metric: 'cosine' | 'euclidean';
  readonly base: Float32Array;
  readonly queries: Float32Array;
}

/** Makes the sets, each once, and leaves them in a folder that is served to the pages. */
export class DataSets {
  readonly #root: string;
  readonly #folder: string;
  /** Rows that each set has to have. */
  readonly #rows: number;
  readonly #made = new Map<SetName, DataSet>();

  constructor(root: string, folder: string, rows: number) {
    this.#root = root;
    this.#folder = folder;
    this.#rows = rows;
    mkdirSync(folder, { recursive: true });
  }

  /** @throws Error if the set can't be had here. */
  load(name: SetName): DataSet {
    const known = this.#made.get(name);
    if (known) return known;
    const made = this.#make(name);
    this.#made.set(name, made);
    writeFileSync(join(this.#folder, `${name}.base.f32`), bytesOf(made.base));
    writeFileSync(join(this.#folder, `${name}.queries.f32`), bytesOf(made.queries));
    return made;
  }

  /** Leaves the real rows of WordNet as codes as well, for pages that generate more of them. */
  writeCodes(): void {
    const files = this.#wordnetFiles();
    const codes = new Int8Array(BASE_ROWS * DIMENSION);
    for (const file of files) {
      for (const [i, row] of file.rows.entries()) {
        if (row >= BASE_ROWS) continue;
        codes.set(file.codes.subarray(i * DIMENSION, (i + 1) * DIMENSION), row * DIMENSION);
      }
    }
    writeFileSync(join(this.#folder, 'wordnet-384.codes.i8'), bytesOf(codes));
  }

  #make(name: SetName): DataSet {
    if (name === 'wordnet-384') return this.#wordnet();
    return name === 'wordnet-128' ? this.#narrow() : this.#patches();
  }

  #wordnet(): DataSet {
    const all = joinVectorFiles(...this.#wordnetFiles());
    const real = all.subarray(0, BASE_ROWS * DIMENSION);
    const base = new Float32Array(this.#rows * DIMENSION);
    base.set(real.subarray(0, base.length));
    let description = `${Math.min(this.#rows, BASE_ROWS)} WordNet synsets embedded by all-MiniLM-L6-v2, unit length`;
    if (this.#rows > BASE_ROWS) {
      new Mixtures(unitRows(real, DIMENSION)).fill(base.subarray(real.length), 1);
      description += `, then ${this.#rows - BASE_ROWS} generated rows: weighted means of three real ones, with noise`;
    }
    const queries = all.slice(BASE_ROWS * DIMENSION);
    return {
      name: 'wordnet-384',
      description,
      dimension: DIMENSION,
      metric: 'cosine',
      base,
      queries,
    };
  }

  #narrow(): DataSet {
    const wide = this.load('wordnet-384');
    const real = wide.base.subarray(0, BASE_ROWS * DIMENSION);
    const axes = principalAxes(real, DIMENSION, NARROW);
    return {
      name: 'wordnet-128',
      description: `wordnet-384 on its ${NARROW} principal axes about the origin, brought back to unit length`,
      dimension: NARROW,
      metric: 'cosine',
      base: projectToUnit(wide.base, axes),
      queries: projectToUnit(wide.queries, axes),
    };
  }

  #patches(): DataSet {
    const values = imagePatches(this.#root, this.#rows + QUERIES);
    const split = this.#rows * PATCH_DIMENSION;
    return {
      name: 'image-patches',
      description: 'squares of 16 x 16 gray values from the photographs of scikit-image',
      dimension: PATCH_DIMENSION,
      metric: 'euclidean',
      base: values.slice(0, split),
      queries: values.slice(split),
    };
  }

  #wordnetFiles(): [VectorFile, VectorFile] {
    const read = (name: string) => readVectorFile(readFileSync(join(this.#root, name)));
    return [read('www/data/vectors.bin'), read('benches/data/vectors.bin')];
  }
}

function bytesOf(values: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
