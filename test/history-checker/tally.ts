/** Owns the figures of a run: operations, errors, faults, and who answered. */

export class Tally {
  readonly counts = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly served = { cache: 0, replica: 0, primary: 0 };

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  fault(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  servedBy(counts: Readonly<Record<'cache' | 'replica' | 'primary', number>>): void {
    for (const by of ['cache', 'replica', 'primary'] as const) this.served[by] += counts[by];
  }

  /** Of what was read, the part that caches answered; 0 where nothing was read. */
  get cacheShare(): number {
    const { cache, replica, primary } = this.served;
    const all = cache + replica + primary;
    return all === 0 ? 0 : cache / all;
  }

  get operations(): number {
    return (
      (this.counts.get('reads') ?? 0) + (this.counts.get('writes') ?? 0) + (this.counts.get('statements beside') ?? 0)
    );
  }
}

/** Lines of a table, each name as wide as the widest. */
export function tableOf(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
