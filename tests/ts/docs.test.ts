import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pages } from '../../scripts/docs-code.mjs';
import { root } from '../../scripts/paths.mjs';
import { LIMITS } from '../../ts/limits.js';
import { STATUS } from '../../ts/server/index.js';

const page = readFileSync(join(root, 'docs', 'troubleshooting.md'), 'utf8');
const cells = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('troubleshooting_lists_every_code_once_with_its_status', () => {
  const listed = cells.flatMap(([, code = '', status = '']) => {
    const name = /^`([A-Z_]+)`$/.exec(code)?.[1];
    return name ? [[name, Number.parseInt(status, 10)] as const] : [];
  });
  assert.deepEqual(
    listed.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    Object.entries(STATUS).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
});

test('troubleshooting_lists_every_limit', () => {
  const bytes: Record<string, string> = {
    documentBytes: '4 MiB',
    partBytesLeast: '1 MiB',
    partBytesMost: '4 MiB',
  };
  const numbers = new Set(cells.map((row) => row.at(-2)));
  for (const [name, limit] of Object.entries(LIMITS)) {
    const written = bytes[name] ?? limit.toLocaleString('en');
    assert.ok(numbers.has(written), `LIMITS.${name}: ${written}`);
  }
});

test('links_between_pages_lead_somewhere', () => {
  const broken = pages().flatMap((name: string) => {
    const text = readFileSync(join(root, name), 'utf8');
    return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target]) => join(dirname(name), target as string))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${name}: ${target}`);
  });
  assert.deepEqual(broken, []);
});
