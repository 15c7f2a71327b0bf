import { join } from 'node:path';
import { after, test } from 'node:test';
import { launchChromium } from '../../browser/support.js';
import { freePort, startServer } from '../dev-server.js';
import { assertAddress, assertPage, command } from '../support.js';
import { prepareBeside, program } from './support.js';

const vite = program('vite', 'bin', 'vite.js');
const browser = await launchChromium();
after(() => browser.close());

test('vite_7_builds', async () => {
  const folder = prepareBeside('vite7');
  await command(process.execPath, [vite, 'build'], { cwd: folder });
  await assertPage(browser, { '/': join(folder, 'dist') });
});

test('vite_7_serves_while_it_is_worked_on', async () => {
  const folder = prepareBeside('vite7', 'vite7-dev');
  const port = await freePort();
  const args = [vite, '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
  const server = await startServer(process.execPath, args, { cwd: folder, port, ready: /Local:/ });
  try {
    await assertAddress(browser, server.url, false);
  } finally {
    await server.stop();
  }
});
