import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** A program that serves until it is ended. */
export interface DevServer {
  readonly url: string;
  /** Ends it, and whatever it has started. */
  stop(): Promise<void>;
}

/** How long it may take to bundle and start. */
const START_MS = 90_000;

/** Starts a program that prints `ready` once it serves on that port of 127.0.0.1. */
export async function startServer(
  program: string,
  args: readonly string[],
  {
    cwd,
    port,
    ready,
    env = {},
  }: { cwd: string; port: number; ready: RegExp; env?: Record<string, string> },
): Promise<DevServer> {
  const what = args.slice(0, 2).join(' ');
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, CI: '1', NO_COLOR: '1', ...env },
    // Ends when its input does; the group holds what it has started as well.
    detached: process.platform !== 'win32',
  });
  let printed = '';
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid)
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGTERM');
    await ended;
  };
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`${what} ${why}:\n${printed}`));
    const timer = setTimeout(() => failed('does not start'), START_MS);
    const hear = (text: string) => {
      printed += text;
      if (ready.test(printed)) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('close', (code) => failed(`ended with ${code}`));
  }).catch(async (thrown) => {
    await stop();
    throw thrown;
  });
  return { url: `http://127.0.0.1:${port}/`, stop };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
