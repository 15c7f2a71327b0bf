import { browserStorages } from '../storage/browser.js';
import { type Scope, serve } from './serve.js';

// The same as worker.ts for pages that get no threads, which need not load what starts them.
serve(globalThis as unknown as Scope, browserStorages);
