import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelIsComplete, modelsFolder } from '../../scripts/fetch-model.mjs';
import {
  type FeatureExtractor,
  type TransformersLibrary,
  transformersEmbedder,
} from '../../ts/entrypoints/transformers.js';
import { empty } from './support.js';

const code = (expected: string) => (thrown: unknown) =>
  (thrown as { code?: string }).code === expected;
const context = { signal: new AbortController().signal };

/** The library with a pipeline of the test's own, which makes one number of each text: its length. */
function library(extract: Partial<{ load(model: string): void; run(texts: string[]): void }> = {}) {
  const pipeline = async (_: string, model: string): Promise<FeatureExtractor> => {
    extract.load?.(model);
    return async (texts) => {
      extract.run?.(texts);
      return { data: texts.map((text) => text.length), dims: [texts.length, 1] };
    };
  };
  return async (): Promise<TransformersLibrary> => ({ pipeline, env: {} });
}

test('a_real_model_finds_what_means_the_same', {
  skip: !modelIsComplete() && 'the sentence model is not there',
}, async () => {
  const embed = transformersEmbedder({
    model: 'all-MiniLM-L6-v2',
    pipeline: { dtype: 'q8' },
    configure(env: { allowRemoteModels: boolean; localModelPath: string }) {
      env.allowRemoteModels = false;
      env.localModelPath = modelsFolder();
    },
  });
  const collection = await empty({ dimension: 384, embed, embedBatchSize: 4 });
  await collection.insert(
    [
      'A cat sleeps on the warm window sill.',
      'The stock market fell sharply on Monday.',
      'Rain is expected in the mountains tomorrow.',
      'She bakes bread with rye and caraway.',
      'The orchestra tuned its instruments.',
      'A puppy chased its own tail in the garden.',
    ].map((document, i) => ({ id: String(i), document })),
  );
  const first = async (query: string) => (await collection.search(query, { k: 1 }))[0]?.id;
  assert.equal(await first('a young dog playing'), '5');
  assert.equal(await first('shares lost value'), '1');
  assert.equal(await first('weather forecast'), '2');
  // Searches of one turn go through the model together.
  assert.deepEqual(await Promise.all(['kitty', 'music'].map(first)), ['0', '4']);
  await embed.dispose();
});

test('the_model_is_loaded_once_and_runs_one_call_at_a_time', async () => {
  let loads = 0;
  let running = 0;
  const pipeline = async (): Promise<FeatureExtractor> => {
    loads += 1;
    return async (texts, options) => {
      assert.deepEqual(options, { pooling: 'cls', normalize: false });
      running += 1;
      assert.equal(running, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      return { data: texts.map((text) => text.length), dims: [texts.length, 1] };
    };
  };
  const embed = transformersEmbedder({
    library: async () => ({ pipeline, env: {} }),
    pooling: 'cls',
    normalize: false,
    prefix: 'query: ',
  });
  await embed.load();
  const made = await Promise.all(['a', 'bb', 'ccc'].map((text) => embed([text], context)));
  assert.deepEqual(
    made.map((row) => Array.from(row as Float32Array)),
    [[8], [9], [10]],
  );
  assert.equal(loads, 1);
});

test('a_call_that_was_aborted_while_it_waited_does_not_reach_the_model', async () => {
  const ran: string[][] = [];
  const embed = transformersEmbedder({ library: library({ run: (texts) => ran.push(texts) }) });
  const controller = new AbortController();
  const first = embed(['a'], context);
  const second = embed(['b'], { signal: controller.signal });
  controller.abort();
  await first;
  await assert.rejects(second, code('ABORTED'));
  assert.deepEqual(ran, [['a']]);
});

test('a_model_that_can_not_be_loaded_is_a_typed_error_and_tried_again', async () => {
  let works = false;
  const load = () => {
    if (!works) throw new Error('no network');
  };
  const embed = transformersEmbedder({ library: library({ load }) });
  await assert.rejects(embed(['a'], context), code('STORAGE_UNAVAILABLE'));
  works = true;
  assert.equal((await embed(['a'], context)).length, 1);
  const missing = transformersEmbedder({
    library: () => Promise.reject(new Error('Cannot find package')),
  });
  await assert.rejects(missing.load(), code('UNSUPPORTED'));
});

test('an_output_of_another_shape_is_a_typed_error', async () => {
  const extract: FeatureExtractor = async () => ({ data: [1, 2, 3, 4], dims: [1, 2, 2] });
  const embed = transformersEmbedder({
    library: async () => ({ pipeline: async () => extract, env: {} }),
  });
  await assert.rejects(embed(['a'], context), code('INVALID_ARGUMENT'));
});
