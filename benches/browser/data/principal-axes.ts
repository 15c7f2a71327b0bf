/** The directions in which the data varies most, by Jacobi's method. */

/** Sweeps of rotations; fewer than ten reach single precision at this size. */
const SWEEPS = 12;
/** Off-diagonal weight, against the diagonal's, at which the rotations stop. */
const SETTLED = 1e-18;

/** The `wanted` principal axes of the rows, about the origin and not about their mean; the largest share first. */
export function principalAxes(
  rows: Float32Array,
  dimension: number,
  wanted: number,
): Float64Array[] {
  const matrix = secondMoments(rows, dimension);
  // Row i of `vectors` ends as the axis whose share ends at matrix[i][i].
  const vectors = matrix.map((_, i) => new Float64Array(dimension).fill(1, i, i + 1));
  for (let sweep = 0; sweep < SWEEPS && offDiagonal(matrix) >= SETTLED; sweep++) {
    for (let p = 0; p < dimension; p++) {
      for (let q = p + 1; q < dimension; q++) rotate(matrix, vectors, p, q);
    }
  }
  const order = matrix.map((_, i) => i).sort((a, b) => matrix[b]![b]! - matrix[a]![a]!);
  return order.slice(0, wanted).map((i) => vectors[i]!);
}

/** The rows' coordinates on the axes, each row brought back to unit length. */
export function projectToUnit(rows: Float32Array, axes: readonly Float64Array[]): Float32Array {
  const dimension = axes[0]!.length;
  const out = new Float32Array((rows.length / dimension) * axes.length);
  for (let from = 0, to = 0; from < rows.length; from += dimension, to += axes.length) {
    let squares = 0;
    for (const [i, axis] of axes.entries()) {
      let sum = 0;
      for (let j = 0; j < dimension; j++) sum += axis[j]! * rows[from + j]!;
      out[to + i] = sum;
      squares += sum * sum;
    }
    const scale = 1 / Math.sqrt(squares);
    for (let i = to; i < to + axes.length; i++) out[i]! *= scale;
  }
  return out;
}

/** Sum of the outer products of the rows, divided by their number. */
function secondMoments(rows: Float32Array, dimension: number): Float64Array[] {
  const matrix = Array.from({ length: dimension }, () => new Float64Array(dimension));
  for (let at = 0; at < rows.length; at += dimension) {
    for (let i = 0; i < dimension; i++) {
      const sums = matrix[i]!;
      const x = rows[at + i]!;
      for (let j = i; j < dimension; j++) sums[j]! += x * rows[at + j]!;
    }
  }
  const count = rows.length / dimension;
  for (let i = 0; i < dimension; i++) {
    for (let j = i; j < dimension; j++) {
      matrix[i]![j]! /= count;
      matrix[j]![i] = matrix[i]![j]!;
    }
  }
  return matrix;
}

/** One Jacobi rotation, which makes `matrix[p][q]` zero. */
function rotate(matrix: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  const apq = matrix[p]![q]!;
  if (apq === 0) return;
  const theta = (matrix[q]![q]! - matrix[p]![p]!) / (2 * apq);
  const sign = theta < 0 ? -1 : 1;
  const tangent = sign / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  turn(matrix[p]!, matrix[q]!, cosine, sine);
  for (const row of matrix) {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  }
  turn(vectors[p]!, vectors[q]!, cosine, sine);
}

function turn(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}

/** The squares off the diagonal, as a share of those on it. */
function offDiagonal(matrix: readonly Float64Array[]): number {
  let [on, off] = [0, 0];
  for (const [i, row] of matrix.entries()) {
    for (const [j, x] of row.entries()) {
      if (i === j) on += x * x;
      else off += x * x;
    }
  }
  return off / on;
}
