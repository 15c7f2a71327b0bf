import { Collection } from 'kindex';
import { check } from '../check.js';

const response = await fetch('/fixture.bin');
globalThis.outcome = await check(Collection, await response.arrayBuffer());
