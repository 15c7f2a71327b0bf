import { browserStorages } from '../storage/browser.js';
import { type Scope, serve } from './serve.js';
import * as threads from './start-threads.js';

serve(globalThis as unknown as Scope, browserStorages, threads);
