/** Owns what a run has seen: how many values went through each cell, and what came out otherwise than it went in. */
import { shown } from './sample.ts';

export interface Finding {
  readonly kind: string;
  readonly type: string;
  readonly place: string;
  readonly value: string;
  readonly expected: string;
  readonly got: string;
  /** The body of the one request that shows it. */
  readonly request: string;
}

export interface Cell {
  /** Came back equal. */
  equal: number;
  /** Were refused with a sentence. */
  refused: number;
  wrong: number;
}

/** Findings of one kind, type and place that are kept whole; all are counted. */
const EXAMPLES = 3;

/** Places where a refusal is what is wanted. */
export const OFFERED = 'offered at start';
/** Refusals of a cell that cannot be chance: ordinary values are more than half of all. */
const ENOUGH = 12;

/** Now and then a value is filled in a moment too late for the next reader. */
const CACHED_SHARE = 0.7;

export class Report {
  readonly cells = new Map<string, Cell>();
  readonly findings: Finding[] = [];
  readonly #looks = new Map<string, { readonly cached: number; readonly all: number }>();
  /** By kind, type and place. */
  readonly counts = new Map<string, number>();
  /** Samples that entered at a place. */
  values = 0;
  /** Comparisons of any sort. */
  checks = 0;

  cell(type: string, place: string): Cell {
    const key = `${type} × ${place}`;
    const known = this.cells.get(key) ?? { equal: 0, refused: 0, wrong: 0 };
    this.cells.set(key, known);
    return known;
  }

  equal(type: string, place: string, times = 1): void {
    this.checks += times;
    this.cell(type, place).equal += times;
  }

  refused(type: string, place: string): void {
    this.checks += 1;
    this.cell(type, place).refused += 1;
  }

  /** Whether caches alone answered a request that they had to answer. */
  looked(place: string, isCached: boolean): void {
    const known = this.#looks.get(place) ?? { cached: 0, all: 0 };
    this.#looks.set(place, { cached: known.cached + Number(isCached), all: known.all + 1 });
  }

  find(finding: Finding): void {
    this.checks += 1;
    this.cell(finding.type, finding.place).wrong += 1;
    const key = `${finding.kind} | ${finding.type} | ${finding.place}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    if (count <= EXAMPLES) this.findings.push(finding);
  }

  get wrong(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Places of caches that did not answer when they should: what was read there says little of them. */
  uncached(): string[] {
    const few = [...this.#looks].filter(([, { cached, all }]) => cached < CACHED_SHARE * all);
    return few.map(([place, { cached, all }]) => `caches answered ${cached} of ${all} requests at ${place}`);
  }

  /** Cells through which enough was sent, and nothing came: what they say of their mechanism is nothing. */
  empty(): string[] {
    return [...this.cells]
      .filter(
        ([key, { equal, refused, wrong }]) => !key.includes(OFFERED) && equal === 0 && wrong === 0 && refused >= ENOUGH,
      )
      .map(([key]) => key);
  }
}

/** A line for each group, then one example of each kind and type. */
export function reportText(report: Report, { most = 400 }: { readonly most?: number } = {}): string {
  const groups = new Map<string, { count: number; places: Set<string>; example: Finding }>();
  for (const finding of report.findings) {
    const key = `${finding.kind} | ${finding.type}`;
    const count = report.counts.get(`${key} | ${finding.place}`) ?? 1;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { count, places: new Set([finding.place]), example: finding });
    else if (!known.places.has(finding.place)) {
      known.places.add(finding.place);
      known.count += count;
    }
  }
  const lines = [...groups].map(([key, { count, places, example }]) =>
    [
      `${key}: ${count} at ${[...places].join('; ')}`,
      `    value ${example.value} at ${example.place}`,
      `    expected ${example.expected}`,
      `    got      ${example.got}`,
      `    request  ${shown(example.request, most)}`,
    ].join('\n'),
  );
  return [
    `${report.values} values, ${report.checks} checks, ${report.cells.size} cells, ${report.wrong} wrong, ${report.empty().length} empty cells`,
    ...report.uncached(),
    ...report.empty().map((cell) => `nothing comes through at ${cell}`),
    ...lines,
  ].join('\n');
}
