type Column = 'kills' | 'quota' | 'writes' | 'lost' | 'half' | 'wrong' | 'doubled';
const COLUMNS: readonly Column[] = ['kills', 'quota', 'writes', 'lost', 'half', 'wrong', 'doubled'];
const FAULTS: ReadonlySet<Column> = new Set<Column>(['lost', 'half', 'wrong', 'doubled']);

/** What happened, by scenario, and what went wrong. */
export class Tally {
  readonly #rows = new Map<string, Map<Column, number>>();
  readonly failures: string[] = [];

  count(row: string, column: Column, by = 1): void {
    const counts = this.#rows.get(row) ?? new Map<Column, number>();
    counts.set(column, (counts.get(column) ?? 0) + by);
    this.#rows.set(row, counts);
  }

  fail(row: string, column: Column, what: string, by = 1): void {
    this.count(row, column, by);
    this.failures.push(`${row}: ${column}: ${what}`);
  }

  total(column: Column): number {
    return [...this.#rows.values()].reduce((sum, counts) => sum + (counts.get(column) ?? 0), 0);
  }

  table(): string {
    const width = Math.max(8, ...[...this.#rows.keys()].map((row) => row.length)) + 2;
    const line = (name: string, cells: readonly (string | number)[]) =>
      name.padEnd(width) + cells.map((cell) => String(cell).padStart(9)).join('');
    const rows = [...this.#rows].map(([name, counts]) =>
      line(
        name,
        COLUMNS.map((column) => counts.get(column) ?? (FAULTS.has(column) ? 0 : '-')),
      ),
    );
    return [line('', COLUMNS), ...rows].join('\n');
  }
}
