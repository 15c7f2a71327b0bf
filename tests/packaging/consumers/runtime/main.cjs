const { readFileSync } = require('node:fs');
const { Collection } = require('kindex');

const [fixture, folder] = process.argv.slice(2);
const { buffer } = new Uint8Array(readFileSync(fixture));
import('../check.js')
  .then(({ check }) => check(Collection, buffer, { folder }))
  .then((outcome) => console.log(JSON.stringify(outcome)));
