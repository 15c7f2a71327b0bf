import { Collection } from 'kindex';
import { check } from '../check.js';

// esbuild copies no assets: the build puts the package's files into a folder, and says where.
const files = { wasmUrl: '/kindex/', workerUrl: '/kindex/worker.js' };
const response = await fetch('/fixture.bin');
globalThis.outcome = await check(Collection, await response.arrayBuffer(), files);
