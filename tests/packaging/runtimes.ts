import { programs } from './support.js';

/** A runtime of scripts outside of browsers. */
export interface Runtime {
  readonly name: string;
  /** Whether it has a pool of threads. */
  readonly threads: boolean;
  /** Program and arguments that run a script. */
  run(script: string, ...args: string[]): [program: string, args: string[]];
}

const runtime = (name: string, threads: boolean, program: string, ...flags: string[]): Runtime => ({
  name,
  threads,
  run: (script, ...args) => [program, [...flags, script, ...args]],
});

export const runtimes: readonly Runtime[] = [
  runtime('node', Number(process.versions.node.split('.')[0]) >= 22, process.execPath),
  runtime('node_24', true, programs.node24),
  runtime('deno', true, programs.deno, 'run', '--allow-all', '--node-modules-dir=manual'),
  runtime('bun', true, programs.bun),
];
