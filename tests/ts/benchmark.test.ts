import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Mixtures, unitRows } from '../../benches/browser/data/mixtures.js';
import { principalAxes, projectToUnit } from '../../benches/browser/data/principal-axes.js';
import { Truth } from '../../benches/browser/data/truth.js';

test('principal_axes_are_orthonormal_and_in_order_of_their_share', () => {
  // Long along (1, 1, 0), shorter along (1, -1, 0), shortest along z.
  const rows = Float32Array.of(3, 3, 0, -3, -3, 0, 1, -1, 0, 0, 0, 0.5);
  const axes = principalAxes(rows, 3, 2);
  const half = Math.sqrt(0.5);
  const along = (axis: Float64Array, by: number[]) =>
    Math.abs(axis.reduce((sum, x, i) => sum + x * by[i]!, 0));
  assert.ok(Math.abs(along(axes[0]!, [half, half, 0]) - 1) < 1e-9);
  assert.ok(Math.abs(along(axes[1]!, [half, -half, 0]) - 1) < 1e-9);
  const projected = projectToUnit(rows.subarray(0, 3), axes);
  assert.ok(Math.abs(Math.abs(projected[0]!) - 1) < 1e-6 && Math.abs(projected[1]!) < 1e-6);
});

test('duplicates_of_the_last_neighbor_count_and_repetitions_do_not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kindex-truth-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // A line of points; the tenth neighbor is there twice.
  const places = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 50];
  const base = Float32Array.from(places.flatMap((x) => [x, 0, 0, 0]));
  const queries = new Float32Array(4);
  const set = {
    name: 'image-patches',
    description: '',
    dimension: 4,
    metric: 'euclidean',
    base,
    queries,
  } as const;
  const first = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  // The second time it comes from the folder.
  for (let time = 0; time < 2; time++) {
    const truth = Truth.scan(set, 12, 1, folder);
    assert.equal(truth.recall([[...first, 9]]), 1);
    assert.equal(truth.recall([[...first, 10]]), 1);
    assert.equal(truth.recall([[...first, 8]]), 0.9);
    assert.equal(truth.recall([[...first, 11]]), 0.9);
  }
  const even = { label: 'even', holds: (row: number) => row % 2 === 0 };
  const filtered = Truth.scan(set, 12, 1, folder, even);
  assert.equal(filtered.recall([[0, 2, 4, 6, 8, 10]], even.holds), 1);
  assert.equal(filtered.recall([[0, 2, 4, 6, 8, 9]], even.holds), 5 / 6);
});

test('generated_rows_have_unit_length_and_repeat_by_their_seed', () => {
  const real = Float32Array.from({ length: 6 * 16 }, (_, i) => Math.sin(i) / 3);
  const mixtures = new Mixtures(unitRows(real, 16));
  const make = (seed: number) => {
    const rows = new Float32Array(8 * 16);
    mixtures.fill(rows, seed);
    return rows;
  };
  const rows = make(7);
  for (let at = 0; at < rows.length; at += 16) {
    const squares = rows.subarray(at, at + 16).reduce((sum, x) => sum + x * x, 0);
    assert.ok(Math.abs(squares - 1) < 1e-5);
  }
  assert.deepEqual(make(7), rows);
  assert.notDeepEqual(make(8), rows);
});
