/** What `scripts/bench.mjs` calls. */
import type { Results } from './results.js';

export { HELP, readOptions } from './options.js';
export { markdown } from './report.js';
export { run } from './run.js';

/** The results for programs. */
export function json(results: Results): string {
  const sets = Object.fromEntries(results.sets);
  return `${JSON.stringify({ ...results, k: 10, sets }, undefined, 1)}\n`;
}
