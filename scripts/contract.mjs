// Holds the HTTP handler against its own OpenAPI document with schemathesis: requests that the document allows and
// requests that it forbids, made at random.
//
//   npm run contract                    a few minutes
//   npm run contract -- --examples 1000 longer
//   npm run contract -- --seed 7        the same requests again (every run prints its seed)
//
// Needs Python 3.10 or later; schemathesis is installed into the cache, at the versions of tests/contract.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { cache, pkg, root } from './paths.mjs';
import { Failure, isProgram, main, must, which } from './process.mjs';

const source = join(root, 'tests', 'contract');
const requirements = join(source, 'requirements.txt');

async function provideSchemathesis() {
  const wanted = readFileSync(requirements, 'utf8');
  const folder = join(cache, 'contract');
  const stamp = join(folder, 'requirements.txt');
  const program = join(folder, 'bin', 'schemathesis');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return program;
  const python = which('python3');
  if (!python) throw new Failure('the contract test needs Python 3.10 or later, as python3');
  await must(python, ['-m', 'venv', '--clear', folder]);
  await must(join(folder, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
  writeFileSync(stamp, wanted);
  return program;
}

/** Starts the server. Resolves to its address and how to end it. */
async function startServer(token) {
  const child = spawn(process.execPath, [join(source, 'server.mjs')], {
    env: { ...process.env, TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const url of createInterface(child.stdout)) return { url, stop: () => child.kill() };
  throw new Failure('the server did not start');
}

/**
 * The document as the server gives it, narrowed to what the one collection takes: its name, its dimension, and no
 * texts, for it has no embedder.
 */
async function narrowed(url, token) {
  const answer = await fetch(`${url}/api/v1/openapi.json`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const document = await answer.json();
  const ids = Array.from({ length: 50 }, (_, i) => `w${i}`);
  for (const path of Object.values(document.paths)) {
    for (const parameter of path.parameters) {
      if (parameter.name === 'collection') parameter.schema = { type: 'string', enum: ['words'] };
      if (parameter.name === 'id') parameter.schema = { type: 'string', enum: ids };
    }
    // One key for two different batches is refused, which no document can say.
    for (const operation of [path.post, path.delete]) if (operation) delete operation.parameters;
  }
  // Lines of which the first differs are no type that can be generated; the unit tests have them.
  for (const { post } of Object.values(document.paths))
    delete post?.requestBody.content['application/x-ndjson'];
  const { schemas } = document.components;
  const vector = { type: 'array', items: { type: 'number' }, minItems: 3, maxItems: 3 };
  schemas.Search.properties.query = vector;
  schemas.SearchBatch.properties.queries = { type: 'array', items: vector, minItems: 1 };
  schemas.Row.properties.vector = vector;
  for (const form of schemas.Batch.oneOf) delete form.properties.batchId;
  // `onDuplicate` goes with `dedupe`, and both with insert and upsert.
  for (const form of schemas.Batch.oneOf) delete form.properties.onDuplicate;
  for (const form of schemas.Batch.oneOf) delete form.properties.dedupe;
  // That columns are of one length can't be said either; the unit tests have it.
  schemas.Batch.oneOf = schemas.Batch.oneOf.filter(({ properties }) => !properties.vectors);
  return document;
}

export async function checkContract({ examples, seed }) {
  if (!existsSync(join(pkg, 'server.js')))
    throw new Failure('there is no build; run: npm run build');
  const program = await provideSchemathesis();
  const token = randomBytes(16).toString('hex');
  const { url, stop } = await startServer(token);
  try {
    const folder = join(root, 'target', 'contract');
    mkdirSync(folder, { recursive: true });
    const location = join(folder, 'openapi.json');
    writeFileSync(location, JSON.stringify(await narrowed(url, token)));
    console.log(`seed ${seed}`);
    await must(
      program,
      [
        '--config-file',
        join(source, 'schemathesis.toml'),
        'run',
        location,
        '--url',
        url,
        '--header',
        `Authorization: Bearer ${token}`,
        '--seed',
        String(seed),
        '--max-examples',
        String(examples),
      ],
      { cwd: folder, seconds: 3600 },
    );
  } finally {
    stop();
  }
}

if (isProgram(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({
      options: {
        examples: { type: 'string', default: '100' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      },
    });
    await checkContract({ examples: Number(values.examples), seed: Number(values.seed) });
  });
}
