/**
 * Embeds texts with all-MiniLM-L6-v2 (int8), by Transformers.js on onnxruntime's wasm. The model comes from the page's
 * own origin; where it is not there, from the model's usual hub.
 */
import { env, type FeatureExtractionPipeline, pipeline } from '@huggingface/transformers';
import { answerCalls } from './worker-calls.js';

const LOCAL_MODEL = 'all-MiniLM-L6-v2';
const HUB_MODEL = 'Xenova/all-MiniLM-L6-v2';

export interface Embedding {
  /** One row of 384 per text, each of unit length. */
  vectors: Float32Array<ArrayBuffer>;
  /** Time in the model, without the wait for its load. */
  elapsedMs: number;
}

const here = new URL('.', location.href);
env.allowLocalModels = true;
// A path, because it takes whole addresses for remote ones.
env.localModelPath = new URL('models/', here).pathname;
// The copies it would make of wasm and script are loaded from blob URLs, which the page's policy forbids.
env.useWasmCache = false;
const { wasm } = env.backends.onnx;
if (wasm) {
  wasm.wasmPaths = new URL('ort/', here).href;
  // A query is some ten tokens: a pool of its own would cost more than it brings.
  wasm.numThreads = 1;
}

let model: Promise<FeatureExtractionPipeline> | undefined;

async function load(): Promise<FeatureExtractionPipeline> {
  const local = await fetch(new URL(`models/${LOCAL_MODEL}/config.json`, here)).then(
    (response) => response.ok,
    () => false,
  );
  env.allowRemoteModels = !local;
  env.allowLocalModels = local;
  return pipeline('feature-extraction', local ? LOCAL_MODEL : HUB_MODEL, {
    dtype: 'q8',
    device: 'wasm',
  });
}

answerCalls<string[], Embedding>(
  async (texts) => {
    model ??= load();
    // A failed load may have been the network: the next call tries again.
    model.catch(() => {
      model = undefined;
    });
    const embed = await model;
    const start = performance.now();
    if (texts.length === 0) return { vectors: new Float32Array(), elapsedMs: 0 };
    const output = await embed(texts, { pooling: 'mean', normalize: true });
    return {
      vectors: Float32Array.from(output.data as Float32Array),
      elapsedMs: performance.now() - start,
    };
  },
  ({ vectors }) => [vectors.buffer],
);
