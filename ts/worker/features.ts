/** Tiny modules that only engines with a feature accept: one function of one vector instruction. */
const SIMD = [0xfd, 0x0f];
const RELAXED_DOT = [0xfd, 0x92, 0x02];

/** Whether wasm has 128-bit SIMD here; Kindex needs it. */
export function hasSimd(): boolean {
  return validates([0x41, 0, ...SIMD]);
}

/** Whether wasm has relaxed SIMD here, which multiplies codes faster and just as exactly. */
export function hasRelaxedSimd(): boolean {
  return validates([0x41, 0, ...SIMD, 0x41, 0, ...SIMD, ...RELAXED_DOT]);
}

function validates(instructions: readonly number[]): boolean {
  const body = [0, ...instructions, 0x0b];
  const sections = [
    [1, 5, 1, 0x60, 0, 1, 0x7b], // type 0: () -> v128
    [3, 2, 1, 0], // function 0 of type 0
    [10, body.length + 2, 1, body.length, ...body],
  ];
  return WebAssembly.validate(
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]),
  );
}
