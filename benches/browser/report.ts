import { SET_NAMES, type SetName } from './data/sets.js';
import type { Filtering, Insertion, Results, Searching } from './results.js';
import { p95 } from './results.js';

/** The results as Markdown for people. */

/** The recall at which libraries are compared. */
const RECALL = 0.98;
/** Whom the others are compared with. */
const YARDSTICK = 'hnswlib-wasm';

export function markdown(results: Results): string {
  const sections = [
    head(results),
    builds(results),
    curve(results),
    growth(results),
    singles(results),
    compared(results),
    searches(results),
    filters(results),
    million(results),
    longTasks(results),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function head({ machine, browser, date, rounds, sets, loads, notes }: Results): string {
  return [
    '# Kindex beside other vector libraries in the browser',
    '',
    `${machine}. ${browser}, headless. ${date} UTC.`,
    `Load average ${load(Math.min(...loads))} to ${load(Math.max(...loads))}, of which two at most are the benchmark's: a figure from a busy machine is a low one.`,
    `Medians of ${rounds} cold pages, each in a browser of its own; loading the library is not counted. recall@10 against an exact scan.`,
    '',
    ...[...sets].map(([name, text]) => `- **${name}**: ${text}`),
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

function builds({ insertions }: Results): string {
  const rows = insertions.filter(({ kind }) => kind === 'build');
  return table(
    'Inserting one batch into an empty index, encoding included',
    [
      'data',
      'dimension',
      'N',
      'library',
      'threads',
      'M',
      'efC',
      'inserts/s',
      'x hnswlib-wasm',
      'ready ms',
      'peak MB',
    ],
    rows.map((row) => [
      ...placed(row),
      ...graphOf(row),
      whole(row.rate),
      times(row.rate, yardstick(rows, row)?.rate),
      whole(row.openMs),
      megabytes(row.peakBytes),
    ]),
    "Peak MB: the high-water mark of the page's process, the benchmark's own copy of the data included.",
  );
}

/** How the rate changes with the size. */
function curve({ insertions }: Results): string {
  const builds = insertions.filter(({ kind }) => kind === 'build');
  const sizes = [...new Set(builds.map(({ rows }) => rows))].sort((a, b) => a - b);
  if (sizes.length < 2) return '';
  const lines = SET_NAMES.flatMap((data) => {
    const of = builds.filter((row) => row.data === data);
    const libraries = [...new Set(of.map(({ library }) => library))];
    return libraries.map((library) => {
      const rate = (n: number) => of.find((row) => row.library === library && row.rows === n)?.rate;
      const ratio = (rate(100_000) ?? Number.NaN) / (rate(10_000) ?? Number.NaN);
      return [data, library, ...sizes.map((n) => whole(rate(n))), ratio ? ratio.toFixed(2) : ''];
    });
  });
  const titles = ['data', 'library', ...sizes.map((n) => whole(n)), '100k / 10k'];
  return table('Inserts/s by N', titles, lines);
}

function growth({ insertions }: Results): string {
  const rows = insertions.filter(({ kind }) => kind === 'growth');
  return table(
    'Growing by batches of 1,000',
    [
      'data',
      'dimension',
      'from',
      'to',
      'library',
      'threads',
      'M',
      'efC',
      'inserts/s',
      'p95 of a batch, ms',
      'recall@10',
    ],
    rows.map((row) => [
      row.data,
      String(row.dimension),
      whole(row.from),
      whole(row.rows),
      row.library,
      ...graphOf(row),
      whole(row.rate),
      p95(row.ms).toFixed(1),
      `${row.recall?.toFixed(4)} (ef ${row.ef})`,
    ]),
  );
}

function singles({ insertions }: Results): string {
  const rows = insertions.filter(({ kind }) => kind === 'single' || kind === 'gathered');
  const batch = (row: Insertion) =>
    insertions.find(
      (other) =>
        other.kind === 'build' &&
        other.library === row.library &&
        other.data === row.data &&
        other.rows === row.rows,
    );
  return table(
    'Single inserts against one batch',
    [
      'data',
      'dimension',
      'N',
      'library',
      'threads',
      'M',
      'efC',
      'calls',
      'inserts/s',
      'one batch, inserts/s',
    ],
    rows.map((row) => [
      ...placed(row),
      ...graphOf(row),
      row.kind === 'gathered' ? 'all at once, awaited together' : 'one after the other',
      whole(row.rate),
      whole(batch(row)?.rate),
    ]),
  );
}

/** Each library at the narrowest beam that reaches the recall. */
function compared({ searches }: Results): string {
  const usual = searches.filter(({ part }) => part !== 'million');
  const groups = new Map<string, Searching[]>();
  for (const search of usual) {
    const key = [search.data, search.rows, search.library, search.way].join('|');
    groups.set(key, [...(groups.get(key) ?? []), search]);
  }
  const best = [...groups.values()].flatMap(
    (group) => group.find(({ recall }) => recall >= RECALL) ?? [],
  );
  return table(
    `Queries/s at recall@10 of ${RECALL} or more: the narrowest beam measured that reaches it`,
    [
      'data',
      'dimension',
      'N',
      'library',
      'threads',
      'calls',
      'ef',
      'recall@10',
      'queries/s',
      'x hnswlib-wasm',
    ],
    best.map((row) => [
      ...placed(row),
      String(row.threads),
      row.way,
      beam(row.ef),
      row.recall.toFixed(4),
      whole(row.rate),
      times(row.rate, yardstick(best, row)?.rate),
    ]),
  );
}

function searches({ searches }: Results): string {
  const usual = searches.filter(({ part }) => part !== 'million');
  return table(
    'Queries/s and recall by beam',
    [
      'data',
      'dimension',
      'N',
      'library',
      'threads',
      'M',
      'efC',
      'calls',
      'ef',
      'recall@10',
      'queries/s',
    ],
    usual.map((row) => [
      ...placed(row),
      ...graphOf(row),
      row.way,
      beam(row.ef),
      row.recall.toFixed(4),
      whole(row.rate),
    ]),
  );
}

function filters({ filters }: Results): string {
  const exact = (row: Filtering) =>
    filters.find((other) => other.exact && other.share === row.share);
  return table(
    'Filtered search, awaited one by one',
    [
      'data',
      'dimension',
      'N',
      'library',
      'threads',
      'M',
      'efC',
      'share',
      'ef',
      'way',
      'recall@10',
      'queries/s',
      'exact scan, queries/s',
      'x exact',
    ],
    filters
      .filter((row) => !row.exact)
      .map((row) => [
        ...placed(row),
        ...graphOf(row),
        `${row.share / 10} %`,
        String(row.ef),
        row.strategy,
        row.recall.toFixed(4),
        whole(row.rate),
        whole(exact(row)?.rate),
        times(row.rate, exact(row)?.rate),
      ]),
  );
}

function million({ insertions, searches }: Results): string {
  const built = insertions.find(({ kind }) => kind === 'million');
  if (!built) return '';
  const bytes = Object.entries(built.bytes ?? {});
  const facts = [
    `${whole(built.rows)} x ${built.dimension} generated rows in batches of 50,000, codes only (keepVectors: false), ${built.library}, M ${built.m}, efConstruction ${built.efConstruction}.`,
    `Built in ${(built.ms.reduce((a, b) => a + b, 0) / 1000).toFixed(1)} s (${whole(built.rate)} inserts/s).`,
    `Peak of the page's process ${megabytes(built.peakBytes)} MB (23 MB of codes and 77 MB of rows are the generator's); ${bytes.map(([name, n]) => `${name} ${megabytes(n)} MB`).join(', ')}.`,
  ].join(' ');
  return table(
    'A million vectors',
    ['ef', 'recall@10 on 100 queries', 'queries/s, one thread'],
    searches
      .filter(({ part }) => part === 'million')
      .map((row) => [beam(row.ef), row.recall.toFixed(4), whole(row.rate)]),
    facts,
  );
}

function longTasks({ insertions }: Results): string {
  const rows = insertions.filter(({ longTasks }) => longTasks !== undefined);
  const cell = (tasks: readonly number[]) =>
    tasks.length === 0 ? 'none' : `${tasks.length}, longest ${whole(Math.max(...tasks))}`;
  return table(
    'Long tasks (50 ms or more) on the main thread, ms',
    ['data', 'dimension', 'N', 'library', 'kind', 'while inserting', 'while searching'],
    rows.map((row) => [
      ...placed(row),
      row.kind,
      cell(row.longTasks!.inserting),
      cell(row.longTasks!.searching),
    ]),
  );
}

/** The row of hnswlib-wasm for the same data and size. */
function yardstick<T extends { library: string; data: SetName; rows: number }>(
  rows: readonly T[],
  { data, rows: n }: T,
): T | undefined {
  return rows.find(
    (row) => row.library.startsWith(YARDSTICK) && row.data === data && row.rows === n,
  );
}

function table(
  title: string,
  titles: readonly string[],
  lines: readonly (readonly string[])[],
  text = '',
): string {
  if (lines.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|${titles.map((name) => (/^(data|library|calls|way|kind|while)/.test(name) ? '---' : '--:')).join('|')}|`;
  return [
    `## ${title}`,
    '',
    ...(text ? [text, ''] : []),
    line(titles),
    rule,
    ...lines.map(line),
  ].join('\n');
}

const placed = ({ data, dimension, rows, library }: Searching | Insertion) => [
  data,
  String(dimension),
  whole(rows),
  library,
];

const graphOf = ({ threads, m, efConstruction, library }: Searching | Insertion) =>
  library.startsWith('voy')
    ? [String(threads), '', '']
    : [String(threads), String(m), String(efConstruction)];

const load = (value: number) => value.toFixed(1);

const beam = (ef: number) => (ef === 0 ? '' : String(ef));

const whole = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? '' : Math.round(value).toLocaleString('en');

const times = (value: number, by: number | undefined) =>
  by === undefined ? '' : (value / by).toFixed(1);

const megabytes = (bytes: number | undefined) =>
  bytes === undefined ? '' : whole(bytes / 2 ** 20);
