import { Random } from './random.js';

/**
 * More rows than the real data has, without losing its structure: the rule of the native benchmark.
 *
 * Each row is a weighted mean of three real rows, the first of which weighs most, plus Gaussian noise in every
 * component, brought back to unit length. So it lies in a real neighborhood without being a copy of a real row.
 */

/** Standard deviation of the noise, as a share of a unit vector's length. */
const NOISE = 0.25;
/** Gaussian numbers drawn once; a row reads them from a random place on, since drawing takes far longer. */
const NOISE_TABLE = 1 << 20;

/** Where real rows come from: their values, however they are kept, and what to multiply each row's with. */
export interface RealRows {
  readonly values: Float32Array | Int8Array;
  readonly scales: Float32Array;
  readonly dimension: number;
}

/** Rows kept as floats of unit length. */
export function unitRows(values: Float32Array, dimension: number): RealRows {
  return { values, scales: new Float32Array(values.length / dimension).fill(1), dimension };
}

/** Rows kept as codes: a quarter of the memory. */
export function codedRows(values: Int8Array, dimension: number): RealRows {
  const scales = Float32Array.from({ length: values.length / dimension }, (_, row) => {
    let squares = 0;
    for (let i = row * dimension; i < (row + 1) * dimension; i++) squares += values[i]! ** 2;
    return 1 / Math.sqrt(squares);
  });
  return { values, scales, dimension };
}

export class Mixtures {
  readonly #real: RealRows;
  readonly #noise: Float32Array;

  constructor(real: RealRows) {
    this.#real = real;
    const random = new Random(0x9e3779b9);
    const share = NOISE / Math.sqrt(real.dimension);
    this.#noise = Float32Array.from({ length: NOISE_TABLE }, () => share * random.gaussian());
  }

  /** Fills `out`, row-major. The same seed gives the same rows. */
  fill(out: Float32Array, seed: number): void {
    const { dimension, scales } = this.#real;
    const random = new Random(seed);
    for (let at = 0; at < out.length; at += dimension) {
      const [a, b, c] = [0, 0, 0].map(() => random.below(scales.length)) as [
        number,
        number,
        number,
      ];
      const weights = [0.6, 0.4 * random.unit(), 0.4 * random.unit()] as const;
      const noise = random.below(NOISE_TABLE - dimension);
      this.#row(out, at, noise, [a, b, c], weights);
    }
  }

  #row(
    out: Float32Array,
    at: number,
    noiseAt: number,
    [a, b, c]: readonly [number, number, number],
    weights: readonly [number, number, number],
  ): void {
    const { values, scales, dimension } = this.#real;
    const noise = this.#noise;
    const wa = weights[0] * scales[a]!;
    const wb = weights[1] * scales[b]!;
    const wc = weights[2] * scales[c]!;
    let squares = 0;
    for (let i = 0; i < dimension; i++) {
      const value =
        wa * values[a * dimension + i]! +
        wb * values[b * dimension + i]! +
        wc * values[c * dimension + i]! +
        noise[noiseAt + i]!;
      out[at + i] = value;
      squares += value * value;
    }
    const scale = 1 / Math.sqrt(squares);
    for (let i = at; i < at + dimension; i++) out[i]! *= scale;
  }
}
