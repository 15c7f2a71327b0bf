import { KindexError } from 'kindex';
import { byId } from './element.js';

/** What a reader can do about an error, by its code. */
const ADVICE: Partial<Record<string, string>> = {
  QUOTA_EXCEEDED:
    'There is not enough room for the dictionary on this device. Free some space, then reload the page.',
  STORAGE_UNAVAILABLE:
    'The browser refused its storage. Reload the page, or leave private browsing.',
  LOCKED:
    'Another tab is writing the dictionary. Close it, or wait until it is done, then reload this page.',
  CONFLICT: 'Another tab has changed the dictionary. Reload the page.',
  BLOCKED:
    'Another tab keeps the dictionary from being cleared or upgraded. Close it, then try again.',
  NEWER_VERSION:
    'The stored dictionary was written by a newer version of this page. Reload the page.',
  CORRUPT: 'The stored dictionary is damaged. Choose “Clear and rebuild”.',
  OUT_OF_MEMORY: 'The browser ran out of memory. Close other tabs, then reload the page.',
  CRASHED: 'The search engine stopped. Reload the page; what was stored is still there.',
};

/** Says in words what went wrong and what to do. */
export function showProblem(doing: string, error: unknown): void {
  console.warn(doing, error);
  const detail = error instanceof Error ? error.message : String(error);
  const code = error instanceof KindexError ? error.code : undefined;
  const advice = (code && ADVICE[code]) ?? 'Reload the page to try again.';
  const box = byId('section', 'problem');
  box.textContent = `${doing} did not work. ${advice} (${code ? `${code}: ` : ''}${detail})`;
  box.hidden = false;
}

export function hideProblem(): void {
  byId('section', 'problem').hidden = true;
}
