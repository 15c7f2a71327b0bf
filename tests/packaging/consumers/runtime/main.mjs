import { readFile } from 'node:fs/promises';
import { Collection } from 'kindex';
import { check } from '../check.js';

const [fixture, folder] = process.argv.slice(2);
const { buffer } = new Uint8Array(await readFile(fixture));
console.log(JSON.stringify(await check(Collection, buffer, { folder })));
