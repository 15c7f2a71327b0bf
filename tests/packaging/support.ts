import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { consumers, copyConsumer, programsIn, provideConsumers } from '../../scripts/consumers.mjs';
import { root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';
import { readVectorFile, unitVectors } from '../../www/wordnet.js';

export const ROWS = 1000;
export const QUERIES = 20;
export const DIMENSION = 384;
const K = 10;

/** What a consumer reports. */
export interface Outcome {
  readonly written: number;
  readonly durable: boolean;
  readonly threads: number;
  readonly storage: string;
  readonly simd: string;
  readonly found: string[][];
  readonly even: string[];
}

const { tools } = await provideConsumers();
export const programs = programsIn(tools);

const numbers = realVectors();
export const answers = expectedAnswers(numbers);
mkdirSync(consumers, { recursive: true });
/** The vectors and queries, as every consumer reads them. */
export const fixture = join(consumers, 'fixture.bin');
writeFileSync(fixture, new Uint8Array(numbers.buffer));
const sources = join(root, 'tests', 'packaging', 'consumers');
writeFileSync(join(consumers, 'check.js'), readFileSync(join(sources, 'check.js')));

/** A consumer, copied to where it finds the installed package. */
export const prepare = (name: string, as = name) => copyConsumer(join(sources, name), as);

/** Runs a command to its end. Resolves to what it printed. */
export function command(
  program: string,
  args: readonly string[],
  options: { cwd?: string; seconds?: number; env?: Record<string, string> } = {},
): Promise<string> {
  const { cwd = consumers, seconds = 120, env } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
    let printed = '';
    let complained = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complained += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(printed);
      else reject(new Error(`${program} ${args.join(' ')}: ${code}\n${printed}\n${complained}`));
    });
  });
}

export const newFolder = () => mkdtempSync(join(tmpdir(), 'kindex-consumer-'));

/** Compares with what a scan in double precision finds. */
export function assertAnswers(outcome: Outcome): void {
  assert.equal(outcome.written, ROWS);
  assert.deepEqual(outcome.found, answers.all);
  assert.deepEqual(outcome.even, answers.even);
}

/** Opens the folder at '/' in a page, isolated and not, and checks what it reports and how many threads ran. */
export async function assertPage(
  browser: Browser,
  folders: { readonly '/': string } & Record<string, string>,
): Promise<void> {
  for (const file of [fixture, join(consumers, 'check.js')])
    copyFileSync(file, join(folders['/'], basename(file)));
  for (const isolated of [true, false]) {
    const server = await serve(folders, { isolated, policy: PAGE_POLICY });
    try {
      await assertAddress(browser, server.url, isolated);
    } finally {
      await server.close();
    }
  }
}

/** Inline scripts and styles are as usual in pages; the wasm still needs its own permission. */
const PAGE_POLICY = "default-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; connect-src 'self' ws:";

/** The same at an address. */
export async function assertAddress(
  browser: Browser,
  url: string,
  isolated: boolean,
): Promise<void> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(url);
    const done = page.waitForFunction(() => 'outcome' in globalThis, null, { timeout: 60_000 });
    await done.catch((thrown) => {
      throw new Error(`${thrown.message}\n${complaints.join('\n')}`);
    });
    const { outcome, cores } = await page.evaluate(() => ({
      outcome: (globalThis as unknown as { outcome: Outcome }).outcome,
      cores: navigator.hardwareConcurrency,
    }));
    assertAnswers(outcome);
    assert.equal(outcome.threads, isolated ? Math.min(cores, 32) : 1);
    assert.deepEqual([outcome.storage, outcome.durable], ['indexeddb', true]);
  } finally {
    await context.close();
  }
}

/** The most used words of the demo's dictionary, then others as queries. */
function realVectors(): Float32Array {
  const file = readVectorFile(
    new Uint8Array(readFileSync(join(root, 'www', 'data', 'vectors.bin'))),
  );
  return unitVectors(file.codes.subarray(0, (ROWS + QUERIES) * DIMENSION), DIMENSION);
}

function expectedAnswers(vectors: Float32Array): { all: string[][]; even: string[] } {
  const score = (row: number, query: number) => {
    let sum = 0;
    for (let i = 0; i < DIMENSION; i++)
      sum += (vectors[row * DIMENSION + i] as number) * (vectors[query * DIMENSION + i] as number);
    return sum;
  };
  const nearest = (query: number, step: number) =>
    Array.from({ length: ROWS / step }, (_, i) => ({
      row: i * step,
      score: score(i * step, query),
    }))
      .sort((a, b) => b.score - a.score)
      .slice(0, K)
      .map(({ row }) => `word ${row}`);
  const all = Array.from({ length: QUERIES }, (_, i) => nearest(ROWS + i, 1));
  return { all, even: nearest(ROWS, 2) };
}
