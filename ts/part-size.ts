import { LIMITS } from './limits.js';

/** A part that takes less to write may be followed by a larger one. */
const FAST_MS = 100;
/** A part that takes longer is followed by a smaller one. */
const SLOW_MS = 400;
/** How often a part must fit into the memory that is free: it is held as rows, as columns and as log. */
const MEMORY_SHARE = 64;

/**
 * How large the next part of a stream is. A fixed size counts rows; `auto` counts bytes, from 1 to 4 MB: it starts at
 * 2 MB, doubles while parts are written quickly, halves when one takes long, and stays at 1 MB where memory is short.
 */
export class PartSizer {
  readonly rows: number;
  readonly #most: number;
  #bytes: number;

  constructor(batchSize: number | 'auto', free: number | undefined = freeMemory()) {
    const auto = batchSize === 'auto';
    this.rows = auto ? LIMITS.partRows : batchSize;
    this.#most = auto ? mostBytes(free) : Number.POSITIVE_INFINITY;
    this.#bytes = auto ? Math.min(2 * LIMITS.partBytesLeast, this.#most) : this.#most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A part of this size was written in that time. */
  written(ms: number): void {
    if (this.#most === Number.POSITIVE_INFINITY) return;
    if (ms < FAST_MS) this.#bytes = Math.min(this.#bytes * 2, this.#most);
    else if (ms > SLOW_MS) this.#bytes = Math.max(this.#bytes / 2, LIMITS.partBytesLeast);
  }
}

function mostBytes(free: number | undefined): number {
  const { partBytesLeast, partBytesMost } = LIMITS;
  if (free === undefined) return partBytesMost;
  return Math.min(Math.max(free / MEMORY_SHARE, partBytesLeast), partBytesMost);
}

/** Bytes that this page or process may still take, where the runtime tells. */
function freeMemory(): number | undefined {
  const { performance, process } = globalThis as {
    performance?: { memory?: { jsHeapSizeLimit: number; usedJSHeapSize: number } };
    process?: { availableMemory?: () => number };
  };
  const heap = performance?.memory;
  if (heap) return heap.jsHeapSizeLimit - heap.usedJSHeapSize;
  return process?.availableMemory?.();
}
