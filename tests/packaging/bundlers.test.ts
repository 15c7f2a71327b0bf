import { copyFileSync, cpSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { consumers } from '../../scripts/consumers.mjs';
import { launchChromium } from '../browser/support.js';
import { freePort, startServer } from './dev-server.js';
import { assertAddress, assertPage, command, fixture, prepare, programs } from './support.js';

const browser = await launchChromium();
after(() => browser.close());

test('a_page_with_an_import_map', async () => {
  await assertPage(browser, {
    '/': prepare('import-map'),
    '/node_modules/': join(consumers, 'node_modules'),
  });
});

test('vite_8_builds_without_configuration', async () => {
  const folder = prepare('vite', 'vite8');
  await command(process.execPath, [programs.vite8, 'build'], { cwd: folder });
  await assertPage(browser, { '/': join(folder, 'dist') });
});

test('vite_8_serves_while_it_is_worked_on', async () => {
  const folder = prepare('vite', 'vite8-dev');
  copyFileSync(fixture, join(folder, basename(fixture)));
  for (const isolated of [true, false]) {
    const port = await freePort();
    const args = [programs.vite8, '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
    const env = { ISOLATED: isolated ? '1' : '' };
    const server = await startServer(process.execPath, args, {
      cwd: folder,
      port,
      ready: /Local:/,
      env,
    });
    try {
      await assertAddress(browser, server.url, isolated);
    } finally {
      await server.stop();
    }
  }
});

test('webpack_5_builds_without_configuration', async () => {
  const folder = prepare('webpack');
  await command(process.execPath, [programs.webpack, '--config', 'webpack.config.cjs'], {
    cwd: folder,
  });
  copyFileSync(join(folder, 'index.html'), join(folder, 'dist', 'index.html'));
  await assertPage(browser, { '/': join(folder, 'dist') });
});

test('esbuild_bundles_and_is_told_where_the_files_are', async () => {
  const folder = prepare('esbuild');
  const args = ['main.js', '--bundle', '--format=esm', '--outdir=dist', '--log-level=warning'];
  await command(programs.esbuild, args, { cwd: folder });
  copyFileSync(join(folder, 'index.html'), join(folder, 'dist', 'index.html'));
  cpSync(join(consumers, 'node_modules', 'kindex', 'pkg'), join(folder, 'dist', 'kindex'), {
    recursive: true,
  });
  await assertPage(browser, { '/': join(folder, 'dist') });
});
