import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { consumers } from '../../scripts/consumers.mjs';
import { pkg } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';
import { launchChromium } from '../browser/support.js';
import {
  answers,
  assertAnswers,
  command,
  fixture,
  newFolder,
  type Outcome,
  prepare,
} from './support.js';

const browser = await launchChromium();
after(() => browser.close());

test('core_and_slim_run_where_they_are_handed_what_they_need', async () => {
  const folder = prepare('entries');
  const printed = await command(process.execPath, ['core.mjs', fixture], { cwd: folder });
  const outcome = JSON.parse(printed) as Outcome & {
    core: string[][];
    early: { code: string; message: string };
  };
  assert.deepEqual(outcome.core, answers.all);
  assert.equal(outcome.early.code, 'UNSUPPORTED');
  assert.match(outcome.early.message, /initialize/);
  assertAnswers(outcome);
  assert.deepEqual([outcome.threads, outcome.storage], [1, 'memory']);
});

/** The package with something missing or changed. */
function packageWithout(change: (folder: string) => void): string {
  const folder = newFolder();
  cpSync(pkg, folder, { recursive: true });
  after(() => rmSync(folder, { recursive: true, force: true }));
  change(folder);
  return folder;
}

test('node_names_a_wasm_file_that_is_missing_and_the_option_for_it', async () => {
  const folder = packageWithout((copy) => {
    for (const name of ['', '-relaxed', '-threads', '-threads-relaxed'])
      rmSync(join(copy, `kindex${name}.wasm`));
  });
  const script = `import(${JSON.stringify(join(folder, 'node.js'))}).then(({ Collection }) =>
    Collection.open('c', { dimension: 2, storage: 'memory' })).catch((e) => console.log(JSON.stringify([e.code, e.message])))`;
  const [code, message] = JSON.parse(await command(process.execPath, ['-e', script]));
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /kindex.*\.wasm.*'wasmUrl'/);
});

test('a_runtime_that_is_not_known_is_told_what_it_lacks_and_what_mends_it', async () => {
  // The entry that every condition falls back to, in a runtime that has less than a browser.
  const entry = JSON.stringify(join(pkg, 'index.js'));
  for (const [missing, expected] of [
    ['WebAssembly', /needs WebAssembly/],
    ['fetch', /'kindex\/slim'.*initialize/],
  ] as const) {
    const script = `delete globalThis.${missing}; import(${entry}).then(({ Collection }) =>
      Collection.open('c', { dimension: 2 })).catch((e) => console.log(JSON.stringify([e.code, e.message])))`;
    const [code, message] = JSON.parse(await command(process.execPath, ['-e', script]));
    assert.equal(code, 'UNSUPPORTED');
    assert.match(message, expected);
  }
});

test('node_runs_in_place_where_a_bundler_has_left_the_worker_behind', async () => {
  const folder = packageWithout((copy) => rmSync(join(copy, 'node-worker.js')));
  const script = `import(${JSON.stringify(join(folder, 'node.js'))}).then(async ({ Collection }) => {
    const c = await Collection.open('c', { dimension: 2, storage: 'memory' });
    await c.insert({ id: 'a', vector: [1, 2] });
    console.log((await c.search([1, 2]))[0].id, (await c.stats()).threads);
  })`;
  assert.equal((await command(process.execPath, ['-e', script])).trim(), 'a 1');
});

/** What `Collection.open` says in a page. */
async function openIn(
  folders: Record<string, string>,
  options: { policy?: string; before?: string; open?: object } = {},
): Promise<{ code: string; message: string; threads?: number }> {
  const page = newFolder();
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>entries</title>');
  after(() => rmSync(page, { recursive: true, force: true }));
  const policy = options.policy ?? "default-src 'self' 'wasm-unsafe-eval'";
  const server = await serve({ '/': page, ...folders }, { isolated: false, policy });
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    if (options.before) await tab.addInitScript(options.before);
    await tab.goto(server.url);
    return await tab.evaluate(async (open) => {
      const entry = '/kindex/index.js';
      const { Collection } = await import(entry);
      try {
        const collection = await Collection.open('c', { dimension: 2, ...open });
        const { threads } = await collection.stats();
        return { code: 'none', message: '', threads };
      } catch (thrown) {
        const { code, message } = thrown as { code: string; message: string };
        return { code, message };
      }
    }, options.open ?? {});
  } finally {
    await context.close();
    await server.close();
  }
}

test('a_page_names_a_wasm_file_that_is_missing', async () => {
  const folder = packageWithout((copy) => {
    for (const name of ['kindex.wasm', 'kindex-relaxed.wasm']) rmSync(join(copy, name));
  });
  const { code, message } = await openIn({ '/kindex/': folder });
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /kindex.*\.wasm.*404.*'wasmUrl'/);
});

test('a_page_that_gets_a_web_page_in_place_of_the_wasm_says_so', async () => {
  const folder = packageWithout((copy) => {
    for (const name of ['kindex.wasm', 'kindex-relaxed.wasm'])
      writeFileSync(
        join(copy, name),
        '<!doctype html><title>fallback of a single-page app</title>',
      );
  });
  const { code, message } = await openIn({ '/kindex/': folder });
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /kindex.*\.wasm.*'wasmUrl'/);
});

test('wasm_under_a_wrong_type_is_compiled_all_the_same', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'access-control-allow-origin': '*' });
    response.end(wasm);
  });
  const { readFileSync } = await import('node:fs');
  const wasm = readFileSync(join(consumers, 'node_modules', 'kindex', 'pkg', 'kindex.wasm'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  try {
    const policy = "default-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:*";
    const open = { wasmUrl: `http://127.0.0.1:${address.port}/kindex.wasm` };
    const { code, message } = await openIn({ '/kindex/': pkg }, { policy, open });
    assert.equal(code, 'none', message);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a_page_whose_policy_forbids_the_worker_names_the_policy_and_the_option', async () => {
  const policy = "default-src 'self' 'wasm-unsafe-eval'; worker-src 'none'";
  const { code, message } = await openIn({ '/kindex/': pkg }, { policy });
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /worker-src.*'workerUrl'/);
});

test('a_page_whose_policy_forbids_wasm_names_the_policy', async () => {
  const { code, message } = await openIn({ '/kindex/': pkg }, { policy: "default-src 'self'" });
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /wasm-unsafe-eval/);
});

test('an_engine_without_simd_is_told_which_versions_have_it', async () => {
  const before = 'WebAssembly.validate = () => false;';
  const { code, message } = await openIn({ '/kindex/': pkg }, { before });
  assert.equal(code, 'UNSUPPORTED');
  assert.match(message, /SIMD.*Safari 16\.4/);
});

test('a_page_without_workers_runs_the_engine_itself', async () => {
  const { code, message, threads } = await openIn(
    { '/kindex/': pkg },
    { before: 'delete globalThis.Worker;' },
  );
  assert.deepEqual([code, threads], ['none', 1], message);
});
