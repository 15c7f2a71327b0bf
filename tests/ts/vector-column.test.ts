import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VectorColumnBuilder } from '../../ts/vector-column.js';

const DIMENSION = 3;
const FLAT = Float32Array.from({ length: 20 * DIMENSION }, (_, i) => i + 1);

type Step = { kind: 'skip' } | { kind: 'push'; by: number } | { kind: 'row'; row: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'skip' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('push' as const), by: fc.integer() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('row' as const), row: fc.nat(19) }) },
);
const run = fc
  .tuple(fc.nat(15), fc.integer({ min: 1, max: 5 }))
  .map(([first, rows]) =>
    Array.from({ length: rows }, (_, i): Step => ({ kind: 'row', row: first + i })),
  );

test('a_column_holds_every_row_where_it_was_put_however_it_came', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          run,
          step.map((one) => [one]),
        ),
      ),
      fc.nat(5),
      (parts, spare) => {
        const steps = parts.flat();
        const builder = new VectorColumnBuilder(DIMENSION, steps.length + spare, FLAT);
        const expected: number[] = [];
        for (const one of steps) {
          if (one.kind === 'skip') builder.skip();
          else if (one.kind === 'push') builder.push([one.by, 0.5, -1]);
          else builder.pushRow(one.row);
          if (one.kind === 'row') {
            const first = one.row * DIMENSION;
            expected.push(...FLAT.subarray(first, first + DIMENSION));
          } else expected.push(...(one.kind === 'push' ? [one.by, 0.5, -1] : [0, 0, 0]));
        }
        const some = steps.some(({ kind }) => kind !== 'skip');
        const column = builder.finish();
        assert.deepEqual(column, some ? Float32Array.from(expected) : new Float32Array(0));
        assert.notEqual(column.buffer, FLAT.buffer, 'the caller keeps what is his');
        assert.equal(column.byteLength, column.buffer.byteLength, 'nothing else is sent along');
        assert.equal(builder.count, steps.filter(({ kind }) => kind !== 'skip').length);
      },
    ),
  );
});
