import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { programs } from './support.js';

/** A Worker that `wrangler dev` runs in workerd. */
export interface Wrangler {
  readonly url: string;
  /** Ends it, and with it every isolate. */
  stop(): Promise<void>;
}

/** Nothing is asked, sent or looked up. */
export const OFFLINE = {
  CI: '1',
  NO_COLOR: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/** How long it may take to bundle and start. */
const START_MS = 90_000;

/** Runs `wrangler dev` in a folder that holds a wrangler.jsonc. `state`: where its storage outlives it. */
export async function startWrangler(
  folder: string,
  {
    state,
    environment,
    variables = {},
  }: { state?: string; environment?: string; variables?: Record<string, string> } = {},
): Promise<Wrangler> {
  const port = await freePort();
  const args = [programs.wrangler, 'dev', '--port', String(port), '--ip', '127.0.0.1'];
  args.push('--inspector-port', String(await freePort()), '--show-interactive-dev-session=false');
  if (state) args.push('--persist-to', state);
  if (environment) args.push('--env', environment);
  for (const [name, value] of Object.entries(variables)) args.push('--var', `${name}:${value}`);
  const child = spawn(programs.node24, args, {
    cwd: folder,
    env: { ...process.env, ...OFFLINE },
    // Ends when its input does; the group holds workerd as well.
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
    const failed = (why: string) => reject(new Error(`wrangler dev ${why}:\n${printed}`));
    const timer = setTimeout(() => failed('does not start'), START_MS);
    const hear = (text: string) => {
      printed += text;
      if (/Ready on/.test(printed)) {
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
