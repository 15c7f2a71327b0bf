import { copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { consumers, provideModules } from '../../../scripts/consumers.mjs';
import { root } from '../../../scripts/paths.mjs';
import { fixture } from '../support.js';

const here = join(root, 'tests', 'packaging', 'all');
const tools = await provideModules(join(here, 'tools'), 'Next and Vite 7 (about 400 MB)');

/** A program of the tools. */
export const program = (...path: string[]) => join(tools, 'node_modules', ...path);

/** A consumer, copied to where it finds Next or Vite 7, and with the installed package in modules of its own. */
export function prepareBeside(name: string, as = name): string {
  const folder = join(tools, as);
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(here, 'consumers', name), folder, { recursive: true });
  copyFileSync(join(consumers, 'check.js'), join(tools, 'check.js'));
  for (const module of ['kindex', 'idb'])
    cpSync(join(consumers, 'node_modules', module), join(folder, 'node_modules', module), {
      recursive: true,
    });
  mkdirSync(join(folder, 'public'), { recursive: true });
  copyFileSync(fixture, join(folder, 'public', 'fixture.bin'));
  return folder;
}
