import type { Stats } from 'kindex';
import { byId, element } from './element.js';

const number = new Intl.NumberFormat('en');

/** Shows what the collection is made of, and what it runs on. */
export function showFacts(stats: Stats): void {
  const bytes = Object.values(stats.memory).reduce((sum, part) => sum + part, 0);
  const storage = stats.storage === 'indexeddb' ? 'IndexedDB' : stats.storage;
  const facts: [string, string][] = [
    ['words', number.format(stats.live)],
    ['dimensions', number.format(stats.dimension)],
    [
      'threads',
      globalThis.crossOriginIsolated ? String(stats.threads) : `${stats.threads} (not isolated)`,
    ],
    ['simd', stats.simd],
    ['storage', stats.storageReason ? `${storage} (${stats.storageReason})` : storage],
    ['memory', `${(bytes / 1e6).toFixed(1)} MB`],
  ];
  const rows = facts.map(([name, value]) => {
    const row = element('div', {});
    row.append(element('dt', { textContent: name }), element('dd', { textContent: value }));
    return row;
  });
  byId('dl', 'facts').replaceChildren(...rows);
}

/** The line above the facts: what the dictionary is doing, or how it came to be here. */
export function showState(text: string): void {
  byId('p', 'state').textContent = text;
}

export const count = (value: number): string => number.format(Math.round(value));

export const milliseconds = (value: number): string =>
  value < 10 ? value.toFixed(1) : value.toFixed(0);

export const seconds = (since: number): string =>
  `${((performance.now() - since) / 1000).toFixed(1)} s`;
