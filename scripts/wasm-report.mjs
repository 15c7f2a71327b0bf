// Measures a wasm file, and holds it to what its name promises.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bin } from './paths.mjs';
import { capture, Failure } from './process.mjs';

/** Size, gzip size and what stands in the code of a wasm file. */
export function measure(path) {
  const bytes = readFileSync(path);
  const text = capture(join(bin, 'wasm-dis'), ['--all-features', path], { seconds: 300 });
  if (text === undefined) throw new Failure(`wasm-dis can't read ${path}`);
  const count = (pattern) => text.match(pattern)?.length ?? 0;
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    simd: count(/\((v128|[if](8x16|16x8|32x4|64x2))\./g),
    relaxed: count(/\.(relaxed_|dot_i8x16_i7x16)/g), // some disassemblers leave the prefix of the dot out
    sharedMemory: /\(memory [^)]*shared\)/.test(text),
  };
}

/** Throws where a file is not what it was built to be. */
export function verify(row, { threads, relaxed }) {
  const expect = (holds, sentence) => {
    if (!holds) throw new Failure(`${row.name}.wasm ${sentence}`);
  };
  expect(
    row.raw < row.unoptimized,
    `is not smaller than before wasm-opt (${row.unoptimized} bytes)`,
  );
  expect(row.simd > 0, 'holds no SIMD instruction');
  expect(
    relaxed === row.relaxed > 0,
    relaxed ? 'holds no relaxed instruction' : 'holds relaxed instructions',
  );
  expect(threads === row.sharedMemory, threads ? 'does not share its memory' : 'shares its memory');
}

export function printTable(rows) {
  const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
  console.log(
    `\n${'file'.padEnd(30)}${['before opt', 'raw', 'gzip', 'simd', 'relaxed'].map((title) => title.padStart(12)).join('')}`,
  );
  for (const row of rows) {
    const cells = [
      kilobytes(row.unoptimized),
      kilobytes(row.raw),
      kilobytes(row.gzip),
      row.simd,
      row.relaxed,
    ];
    console.log(
      `${`${row.name}.wasm`.padEnd(30)}${cells.map((cell) => String(cell).padStart(12)).join('')}`,
    );
  }
  console.log('');
}
