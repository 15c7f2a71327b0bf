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
