/**
 * Collects the vectors of a slice row by row. Neighbors in the flat array that a batch came as are copied together: of
 * a large batch that is most of the page's work.
 */
export class VectorColumnBuilder {
  /** How many rows have a vector. */
  count = 0;
  readonly #dimension: number;
  /** Rows that there is to be room for. */
  readonly #capacity: number;
  readonly #flat: Float32Array;
  #copied: Float32Array<ArrayBuffer> | undefined;
  /** Rows that were copied or skipped. */
  #rows = 0;
  /** The rows of the flat array that come next, still to be copied. */
  #first = 0;
  #waiting = 0;

  constructor(dimension: number, capacity: number, flat: Float32Array = new Float32Array(0)) {
    this.#dimension = dimension;
    this.#capacity = capacity;
    this.#flat = flat;
  }

  /** A row without vector: zeros stand for it. */
  skip(): void {
    this.#copyWaiting();
    this.#rows += 1;
  }

  push(vector: ArrayLike<number>): void {
    this.#copyWaiting();
    this.#room().set(vector, this.#rows * this.#dimension);
    this.#rows += 1;
    this.count += 1;
  }

  /** A row of the flat array. */
  pushRow(row: number): void {
    if (row !== this.#first + this.#waiting) {
      this.#copyWaiting();
      this.#first = row;
    }
    this.#waiting += 1;
    this.count += 1;
  }

  /** Room for every row; nothing if none has a vector. */
  finish(): Float32Array<ArrayBuffer> {
    if (this.count === 0) return new Float32Array(0);
    // Nothing but neighbors: one copy, without zeroing memory for it first.
    if (this.#rows === 0) return new Float32Array(this.#neighbors());
    this.#copyWaiting();
    const vectors = this.#room();
    const length = this.#rows * this.#dimension;
    return length === vectors.length ? vectors : vectors.slice(0, length);
  }

  #neighbors(): Float32Array {
    const end = this.#first + this.#waiting;
    return this.#flat.subarray(this.#first * this.#dimension, end * this.#dimension);
  }

  #copyWaiting(): void {
    if (this.#waiting > 0) this.#room().set(this.#neighbors(), this.#rows * this.#dimension);
    this.#rows += this.#waiting;
    this.#first += this.#waiting;
    this.#waiting = 0;
  }

  #room(): Float32Array<ArrayBuffer> {
    this.#copied ??= new Float32Array(this.#capacity * this.#dimension);
    return this.#copied;
  }
}
