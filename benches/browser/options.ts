import { parseArgs } from 'node:util';

export const HELP = `Measures Kindex beside hnswlib-wasm, edgevec and voy in headless Chromium.

USAGE
    npm run bench -- [OPTIONS]

OPTIONS
    --quick          1,000 and 10,000 vectors, one round: a few minutes
    --only NAME,..   parts: insert, search, growth, single, filter, patches, million   [default: all but million]
    --million        1,000,000 x 384, codes only, as well
    --rounds N       cold pages of which the median counts; a build of over 30 s is run once   [default: 3]
    --no-rivals      leave out the other libraries
    --no-build       measure pkg/ as it is
    --out FOLDER     where browser.md and browser.json go                     [default: bench-results]
`;

export const PARTS = [
  'insert',
  'search',
  'growth',
  'single',
  'filter',
  'patches',
  'million',
] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  readonly quick: boolean;
  readonly parts: ReadonlySet<Part>;
  readonly rounds: number;
  readonly rivals: boolean;
  readonly build: boolean;
  readonly out: string;
}

/**
 * @returns undefined if help was asked for
 * @throws Error that says what is wrong with the arguments
 */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      million: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      'no-rivals': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench-results' },
    },
  });
  if (values.help) return undefined;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error('--rounds takes a whole number from 1');
  const named = values.only?.split(',') ?? PARTS.filter((part) => part !== 'million');
  if (values.million) named.push('million');
  const unknown = named.find((name) => !PARTS.includes(name as Part));
  if (unknown !== undefined)
    throw new Error(`--only knows ${PARTS.join(', ')}, but not "${unknown}"`);
  return {
    quick: values.quick,
    parts: new Set(named as Part[]),
    rounds,
    rivals: !values['no-rivals'],
    build: !values['no-build'],
    out: values.out,
  };
}
