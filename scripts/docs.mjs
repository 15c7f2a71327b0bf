// `npm run docs`: the API and the guides as a site in target/docs. Warnings are errors: a link that leads nowhere, a
// public name without a comment.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildWasm } from './build-wasm.mjs';
import { generated, root } from './paths.mjs';
import { isProgram, main, must } from './process.mjs';
import { setUp } from './setup.mjs';

const folder = join(root, 'docs', 'site');

export async function buildDocs() {
  await installTool();
  const typedoc = join(folder, 'node_modules', 'typedoc', 'bin', 'typedoc');
  await must(process.execPath, [typedoc, '--options', 'typedoc.json'], {
    cwd: folder,
    seconds: 300,
  });
}

/** TypeDoc reads the source with a TypeScript of its own, older than the one that checks it. */
async function installTool() {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = join(folder, 'node_modules', '.kindex-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  await must('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  writeFileSync(stamp, lock);
}

if (isProgram(import.meta.url)) {
  await main(async () => {
    // The types of the bindings are part of the source.
    if (!existsSync(join(generated, 'single.d.ts'))) await buildWasm(await setUp('build'));
    await buildDocs();
    console.log(`the docs are in ${join('target', 'docs')}: open index.html`);
  });
}
