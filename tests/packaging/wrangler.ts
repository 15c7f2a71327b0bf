import { type DevServer, freePort, startServer } from './dev-server.js';
import { programs } from './support.js';

/** Nothing is asked, sent or looked up. */
export const OFFLINE = {
  CI: '1',
  NO_COLOR: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/**
 * Runs `wrangler dev` in a folder that holds a wrangler.jsonc: it bundles, and workerd runs. `state`: where its
 * storage outlives it.
 */
export async function startWrangler(
  folder: string,
  {
    state,
    environment,
    variables = {},
  }: { state?: string; environment?: string; variables?: Record<string, string> } = {},
): Promise<DevServer> {
  const port = await freePort();
  const args = [programs.wrangler, 'dev', '--port', String(port), '--ip', '127.0.0.1'];
  args.push('--inspector-port', String(await freePort()), '--show-interactive-dev-session=false');
  if (state) args.push('--persist-to', state);
  if (environment) args.push('--env', environment);
  for (const [name, value] of Object.entries(variables)) args.push('--var', `${name}:${value}`);
  return startServer(programs.node24, args, { cwd: folder, port, ready: /Ready on/, env: OFFLINE });
}
