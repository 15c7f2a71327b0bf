// The code in README.md and docs/: a block marked `<!-- from path#region -->` is copied from a file that a test runs
// (regions are `#region NAME` and `#endregion` in its comments); every other block of TypeScript is type-checked.
//
//   node scripts/docs-code.mjs            says which blocks are out of date
//   node scripts/docs-code.mjs --write    brings them up to date
//   node scripts/docs-code.mjs --types    type-checks the others
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bin, root } from './paths.mjs';
import { Failure, isProgram, main, run } from './process.mjs';

const FENCE = /^(```+)(\w*)\s*$/;
const FROM = /^<!-- from (\S+?)(?:#(\S+))? -->$/;
const GIVEN_START = '<!-- given';
/** Languages of code that could be wrong; commands, data and output are not among them. */
const CODE = ['ts', 'tsx', 'js', 'jsx', 'mjs', 'html'];

/** README.md and every page below docs/, relative to the root. */
export function pages() {
  const below = readdirSync(join(root, 'docs'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md') && !name.startsWith('site'))
    .map((name) => `docs/${name}`);
  return ['README.md', ...below].sort();
}

/**
 * The blocks of a page: `{ language, line, code, from, region, start, end }`, where lines `start` to `end` hold the
 * code, and the declarations that the page's other blocks are checked with.
 */
function readPage(page) {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const blocks = [];
  const given = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i].startsWith(GIVEN_START)) {
      while (!lines[++i].startsWith('-->')) given.push(lines[i]);
      continue;
    }
    const [, fence, language] = FENCE.exec(lines[i]) ?? [];
    if (!fence) continue;
    const start = i + 1;
    while (lines[++i] !== fence) if (i >= lines.length) throw new Failure(`${page}: open block`);
    const [, from, region] = FROM.exec(lines[start - 2] ?? '') ?? [];
    const code = lines.slice(start, i).join('\n');
    blocks.push({ language, line: start, code, from, region, start, end: i });
  }
  return { lines, blocks, given: given.join('\n') };
}

/** What is between the markers of a region, without them and without common indentation. */
export function region(path, name) {
  if (!existsSync(join(root, path))) throw new Failure(`${path} does not exist`);
  const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n');
  if (!name) return lines.join('\n');
  const starts = lines.flatMap((line, i) =>
    line.split(/\s+/).join(' ').includes(`#region ${name}`) &&
    line
      .trim()
      .replace(/\s*-->$/, '')
      .endsWith(name)
      ? [i]
      : [],
  );
  if (starts.length !== 1) throw new Failure(`${path} has ${starts.length} regions '${name}'`);
  const length = lines.slice(starts[0]).findIndex((line) => line.includes('#endregion'));
  if (length < 0) throw new Failure(`${path}: region '${name}' has no end`);
  const body = lines.slice(starts[0] + 1, starts[0] + length);
  const indents = body.filter((line) => line.trim()).map((line) => /^ */.exec(line)[0].length);
  return body.map((line) => line.slice(Math.min(...indents))).join('\n');
}

/** Blocks that differ from their source, and blocks of code that nothing checks. */
export function staleBlocks() {
  return pages().flatMap((page) =>
    readPage(page).blocks.flatMap((block) => {
      const place = `${page}:${block.line}`;
      if (block.from) {
        try {
          if (region(block.from, block.region) === block.code) return [];
        } catch (error) {
          if (error instanceof Failure) return [`${place}: ${error.message}`];
          throw error;
        }
        return [`${place}: differs from ${block.from}; run: node scripts/docs-code.mjs --write`];
      }
      if (!CODE.includes(block.language) || block.language === 'ts') return [];
      return [`${place}: ${block.language} that is not taken from a file that a test runs`];
    }),
  );
}

function writeBlocks() {
  for (const page of pages()) {
    const { lines, blocks } = readPage(page);
    for (const { from, region: name, start, end } of blocks.toReversed()) {
      if (from) lines.splice(start, end - start, ...region(from, name).split('\n'));
    }
    writeFileSync(join(root, page), lines.join('\n'));
  }
}

/** Each block is a function of its own, below the declarations that its page gives. */
export async function checkTypes() {
  const folder = join(root, 'target', 'docs-types');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const page of pages()) {
    const { blocks, given } = readPage(page);
    for (const { language, code, from, line } of blocks) {
      if (language !== 'ts' || from) continue;
      const name = `${page.replace(/\W+/g, '-')}-line-${line}.ts`;
      writeFileSync(join(folder, name), asModule(code, given));
      count += 1;
    }
  }
  const options = { noUnusedLocals: false, noUnusedParameters: false, types: ['node'] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: options, include: ['.'] }),
  );
  const failed = (await run(join(bin, 'tsc'), ['--project', folder, '--noEmit'])) !== 0;
  console.log(`${failed ? 'FAILED' : 'ok    '} the ${count} blocks of TypeScript in the docs`);
  return { passed: failed ? 0 : 1, failed: failed ? 1 : 0 };
}

function asModule(code, given) {
  const statement = /^import [\s\S]*?from '[^']+';$/gm;
  const imports = code.match(statement) ?? [];
  const known = new Set(imports);
  const earlier = (given.match(statement) ?? []).filter((line) => !known.has(line));
  const declarations = given.replace(statement, '');
  const body = code.replace(statement, '');
  // A module's own exports can't be in a function.
  if (/^export /m.test(body)) return [...imports, ...earlier, declarations, body].join('\n');
  return [...imports, ...earlier, declarations, 'export async function block() {', body, '}'].join(
    '\n',
  );
}

if (isProgram(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({
      options: { write: { type: 'boolean' }, types: { type: 'boolean' } },
    });
    if (values.write) writeBlocks();
    const findings = staleBlocks();
    for (const finding of findings) console.log(finding);
    const types = values.types ? await checkTypes() : { failed: 0 };
    if (findings.length > 0 || types.failed > 0) throw new Failure('the docs are out of date');
  });
}
