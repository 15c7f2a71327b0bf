/** SplitMix32: enough for data, and the same in every engine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A 32-bit unsigned number. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** In 0..1. */
  unit(): number {
    return this.next() / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** By the sum of twelve uniform numbers, whose variance is one. */
  gaussian(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.unit();
    return sum;
  }
}
