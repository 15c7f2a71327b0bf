// The worker's script with one change: whatever has become a thread of the pool traps there. Only after a while: one
// that traps before it has joined is a thread that does not start, and the engine goes on without.
const UNREACHABLE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0,
  0, 11,
];
const { Instance, Module } = WebAssembly;
const { f: trap } = new Instance(new Module(new Uint8Array(UNREACHABLE))).exports;

WebAssembly.Instance = class {
  constructor(module, imports) {
    const run = () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      trap();
    };
    this.exports = { ...new Instance(module, imports).exports, wbg_rayon_start_worker: run };
  }
};
await import('../node_modules/kindex/pkg/node-worker.js');
