import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A Euclidean set that is not text: squares of 16 x 16 gray values out of photographs, cut by the script of the
 * native benchmark, in the Python environment that the two share.
 */
export const PATCH_DIMENSION = 256;

/** Read as files only, so what it depends on is not installed. */
const SCIKIT_IMAGE = 'scikit-image==0.25.2';

/**
 * @returns `count` rows, in a random but fixed order
 * @throws Error that says what is missing: Python, or its packages
 */
export function imagePatches(root: string, count: number): Float32Array {
  const folder = join(root, 'target', 'bench-compare');
  const scripts = join(root, 'crates', 'bench-compare', 'python');
  prepareEnvironment(folder, join(scripts, 'requirements.txt'));
  const file = join(folder, `image-patches-browser-${count}.f32`);
  if (!existsSync(file)) {
    run(python(folder), [join(scripts, 'image_patches.py'), file, String(count)]);
  }
  const bytes = readFileSync(file);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (values.length !== count * PATCH_DIMENSION) {
    throw new Error(`${count} patches were wanted, but ${values.length} values came`);
  }
  return values;
}

const python = (folder: string) => join(folder, 'venv', 'bin', 'python');

/** Makes the environment, or finds the one that an earlier run of either benchmark made. */
function prepareEnvironment(folder: string, requirements: string): void {
  const ready = join(folder, 'ready');
  const wanted = `${readFileSync(requirements, 'utf8')}${SCIKIT_IMAGE}\n`;
  if (existsSync(ready) && readFileSync(ready, 'utf8') === wanted) return;
  mkdirSync(folder, { recursive: true });
  run('python3', ['-m', 'venv', join(folder, 'venv')]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  run(python(folder), [...pip, '-r', requirements]);
  run(python(folder), [...pip, '--no-deps', SCIKIT_IMAGE]);
  writeFileSync(ready, wanted);
}

function run(program: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (error) throw new Error(`${program} can't be run: ${error.message}`);
  if (status !== 0) {
    const last = stderr.trim().split('\n').at(-1) || 'it said nothing';
    throw new Error(`${program} ended with ${status}: ${last}`);
  }
}
