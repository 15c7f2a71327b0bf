import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepare } from './support.js';
import { startWrangler } from './wrangler.js';

/** Rows of a batch: two parts of the log, several rows of the database. */
const ROWS = 1500;

test('an_object_that_is_aborted_in_the_middle_of_a_batch_has_all_of_it_or_nothing', async () => {
  const worker = await startWrangler(prepare('aborted'));
  const look = async (first: number) => {
    const response = await fetch(`${worker.url}look?first=${first}&rows=${ROWS}`);
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as { size: number; there: number; whole: boolean; hit?: string };
  };
  try {
    let size = 0;
    const outcomes = new Map<number, string>();
    // The last one ends no batch: it has fewer statements.
    for (const [i, after] of [0, 2, 5, 8, 11, 14, 17, 20, 23, 26, 100].entries()) {
      const first = i * ROWS;
      const response = await fetch(
        `${worker.url}insert?first=${first}&rows=${ROWS}&after=${after}`,
      );
      await response.arrayBuffer();
      const { size: now, there, whole, hit } = await look(first);
      assert.ok(there === 0 || there === ROWS, `${there} of ${ROWS} are there after ${after}`);
      assert.ok(whole, 'a document is another one');
      assert.equal(now, size + there, 'what was there before is still there');
      if (response.ok) assert.equal(there, ROWS, 'what was answered is kept');
      if (there > 0) assert.equal(hit, `word ${first}`);
      size = now;
      outcomes.set(after, response.ok ? 'answered' : there > 0 ? 'whole' : 'absent');
    }
    const told = JSON.stringify([...outcomes]);
    assert.equal(outcomes.get(0), 'absent', told);
    assert.equal(outcomes.get(100), 'answered', told);
    assert.ok([...outcomes.values()].filter((outcome) => outcome === 'absent').length >= 4, told);
  } finally {
    await worker.stop();
  }
});
