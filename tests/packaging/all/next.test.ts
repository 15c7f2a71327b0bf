import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { launchChromium } from '../../browser/support.js';
import { freePort, startServer } from '../dev-server.js';
import { assertAddress, assertAnswers, command, fixture, type Outcome } from '../support.js';
import { prepareBeside, program } from './support.js';

const next = program('next', 'dist', 'bin', 'next');
const env = { NEXT_TELEMETRY_DISABLED: '1' };
const browser = await launchChromium();
after(() => browser.close());

for (const [bundler, flags] of [
  ['turbopack', []],
  ['webpack', ['--webpack']],
] as const) {
  test(`next_16_with_${bundler}_runs_it_in_a_page_and_in_a_route`, async () => {
    const folder = prepareBeside('next', `next-${bundler}`);
    for (const isolated of [true, false]) {
      const own = { ...env, ISOLATED: isolated ? '1' : '' };
      await command(process.execPath, [next, 'build', ...flags], {
        cwd: folder,
        seconds: 400,
        env: own,
      });
      const port = await freePort();
      const args = [next, 'start', '--port', String(port), '--hostname', '127.0.0.1'];
      const server = await startServer(process.execPath, args, {
        cwd: folder,
        port,
        ready: /Ready in/,
        env: own,
      });
      try {
        await assertAddress(browser, server.url, isolated);
        const body = readFileSync(fixture);
        const response = await fetch(`${server.url}api/check`, { method: 'POST', body });
        assert.equal(response.status, 200, await response.clone().text());
        const outcome = (await response.json()) as Outcome;
        assertAnswers(outcome);
        assert.equal(outcome.storage, 'memory');
      } finally {
        await server.stop();
      }
    }
  });
}
