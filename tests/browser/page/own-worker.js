// A worker of the page's own that has the collection; every message is one that waits while workers are made.
import { Collection } from '/kindex/index.js';

self.onmessage = () => {};
const collection = await Collection.open('own', { dimension: 16 });
const vectors = Float32Array.from({ length: 300 * 16 }, (_, i) => Math.sin(i * i));
await collection.insert({ ids: Array.from({ length: 300 }, (_, i) => `v${i}`), vectors });
const [nearest] = await collection.search(vectors.subarray(160, 176), { k: 1 });
const { threads, storage } = await collection.stats();
postMessage([nearest?.id, threads > 1 ? 'threads' : 'one thread', storage]);
