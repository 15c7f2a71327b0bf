/** What a page needs that runs the engine itself. Most have a worker for it, and never load this. */
export { browserStorages } from '../storage/browser.js';
export { connectSingle } from './single.js';
