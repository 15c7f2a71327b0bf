import { browserStorages } from '../storage/browser.js';
import { type Scope, serve } from './serve.js';

serve(globalThis as unknown as Scope, browserStorages);
