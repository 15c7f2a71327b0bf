import { Collection } from 'kindex';
import { check } from '../check.js';

fetch('/fixture.bin')
  .then((response) => response.arrayBuffer())
  .then((bytes) => check(Collection, bytes))
  .then((outcome) => {
    globalThis.outcome = outcome;
  });
