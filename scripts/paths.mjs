// Where everything is, so that no other script spells a path twice.
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const bin = join(root, 'node_modules', '.bin');
export const generated = join(root, 'ts', 'generated');
export const pkg = join(root, 'pkg');
export const site = join(root, 'target', 'www');

/** Tools that are built once and serve every clone of the project. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kindex');
export const tools = join(cache, 'tools');

/** `PATH` with these folders looked up first. */
export const pathWith = (...folders) => [...folders, process.env.PATH].join(delimiter);
