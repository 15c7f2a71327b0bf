import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { assertAnswers, fixture, type Outcome, prepare } from './support.js';
import { startWrangler } from './wrangler.js';

const worker = await startWrangler(prepare('worker'));
after(() => worker.stop());

test('wrangler_bundles_the_package_and_workerd_runs_it_on_one_thread', async () => {
  const response = await fetch(worker.url, { method: 'POST', body: readFileSync(fixture) });
  assert.equal(response.status, 200);
  const outcome = (await response.json()) as Outcome;
  assertAnswers(outcome);
  assert.deepEqual([outcome.threads, outcome.storage, outcome.durable], [1, 'memory', false]);
});

test('an_isolate_is_filled_up_to_its_budget_and_goes_on_answering', async () => {
  const response = await fetch(`${worker.url}fill`);
  const { code, size, found } = (await response.json()) as {
    code: string;
    size: number;
    found: boolean;
  };
  assert.deepEqual([code, found], ['OUT_OF_MEMORY', true]);
  assert.ok(size >= 20_000 && size <= 44_000, `${size} vectors`);
});
