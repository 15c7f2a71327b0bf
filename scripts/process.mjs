// Child processes: run and stream, run and capture, and an error that needs no stack trace.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './paths.mjs';

/** A failure whose message alone tells a person what to do. */
export class Failure extends Error {}

/** Whether the module of this address was started itself, and not imported. */
export const isProgram = (url) => process.argv[1] === fileURLToPath(url);

/** Runs `main`; a `Failure` is printed as one line, anything else with its stack. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Failure ? `\nerror: ${error.message}` : error);
    process.exit(1);
  }
}

/** Runs a command, its output streamed through. Resolves to its exit code (124 when out of time). */
export function run(command, args, { env, cwd = root, seconds, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', onLine ? 'pipe' : 'inherit', onLine ? 'pipe' : 'inherit'],
    });
    let timedOut = false;
    const timer =
      seconds &&
      setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
      }, seconds * 1000);
    if (onLine) {
      eachLine(child.stdout, (line) => {
        process.stdout.write(`${line}\n`);
        onLine(line);
      });
      eachLine(child.stderr, (line) => {
        process.stderr.write(`${line}\n`);
        onLine(line);
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error.code === 'ENOENT' ? new Failure(`${command} is not installed`) : error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(timedOut ? 124 : (code ?? 1));
    });
  });
}

function eachLine(stream, handle) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach(handle);
  });
  stream.on('end', () => rest && handle(rest));
}

/** As `run`, but anything else than success is a `Failure`. */
export async function must(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) {
    throw new Failure(
      code === 124
        ? `"${command} ${args.join(' ')}" did not finish within ${options.seconds} s`
        : `"${command} ${args.join(' ')}" failed with code ${code}; its output above says why`,
    );
  }
}

/** A command's trimmed output, or undefined when it can't be run or fails. */
export function capture(command, args, { env, cwd = root, seconds = 60 } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: seconds * 1000,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** The full path of an executable on `PATH` (or where rustup puts its own), or undefined. */
export function which(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), '.cargo', 'bin')];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** How to run a command as root: directly, through a sudo that asks nothing, or not at all. */
export function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return capture('sudo', ['-n', 'true'], { seconds: 10 }) === undefined
    ? undefined
    : ['sudo', '-n'];
}

/** Runs a command as root, or says which command to run by hand. */
export async function mustAsRoot(command, args, why) {
  const prefix = rootPrefix();
  if (!prefix) throw new Failure(`${why}; run: sudo ${command} ${args.join(' ')}`);
  const [program, ...rest] = [...prefix, command, ...args];
  await must(program, rest, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}

/** Installs Debian packages; `why` says what they are wanted for, should it fail. */
export async function aptInstall(packages, why) {
  if (!which('apt-get')) throw new Failure(`${why}, and this system has no apt-get to install it`);
  await mustAsRoot('apt-get', ['update', '-qq'], why);
  await mustAsRoot(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    why,
  );
}
