/**
 * Owns the sums: what the row must hold in the end after all edits that were acknowledged, in whatever order they took
 * place.
 */
import { addedBy, removedBy } from './effects.ts';
import { hundredths, listOf, type Edit, type Told, type Values } from './edits.ts';
import { type Evidence } from './evidence.ts';
import { type Finding } from './judge.ts';

type Total = (edits: readonly Edit[], first: Values) => unknown;

const sumOf =
  (field: string, read: (value: unknown) => bigint): Total =>
  (edits, first) =>
    edits.reduce((sum, { base, input }) => sum + read(input[field]) - read(base[field]), read(first[field]));
const extremeOf =
  (field: string, read: (value: unknown) => bigint, isBetter: (a: bigint, b: bigint) => boolean): Total =>
  (edits, first) =>
    edits
      .map(({ input }) => read(input[field]))
      .reduce((best, value) => (isBetter(value, best) ? value : best), read(first[field]));
const whole = (value: unknown): bigint => BigInt(String(value));
const sorted = (list: Iterable<string>): string => JSON.stringify([...list].sort());
/** `<e20-3.1><e20-7.2>`, as its parts. */
const partsOf = (story: unknown): readonly string[] => String(story).match(/<[^>]*>/g) ?? [];

interface Totalled {
  readonly total: Total;
  readonly found: (value: unknown) => unknown;
}

const COUNTED: Totalled = { total: sumOf('hits', whole), found: whole };
const DOC: Readonly<Record<string, Totalled>> = {
  hits: COUNTED,
  score: { total: sumOf('score', hundredths), found: hundredths },
  top: { total: extremeOf('top', whole, (a, b) => a > b), found: whole },
  low: { total: extremeOf('low', hundredths, (a, b) => a < b), found: hundredths },
  tags: {
    total: (edits, first) => {
      const removed = new Set(edits.flatMap(removedBy));
      return sorted(
        [...listOf(first['tags']), ...edits.flatMap((edit) => addedBy(edit, 'tags'))].filter(
          (tag) => !removed.has(tag),
        ),
      );
    },
    found: (value) => sorted(listOf(value)),
  },
  log: {
    total: (edits, first) => sorted([...listOf(first['log']), ...edits.flatMap((edit) => addedBy(edit, 'log'))]),
    found: (value) => sorted(listOf(value)),
  },
  story: { total: (edits) => sorted(edits.map(({ name }) => `<${name}>`)), found: (value) => sorted(partsOf(value)) },
};
const RULED: typeof DOC = { points: { total: sumOf('points', whole), found: whole } };

/**
 * Every acknowledged edit of a field without a rule that counts is the newest, or was replaced by a later version,
 * which the chain of versions shows.
 */
export function totalFindings(
  { target: { kind }, versions, row }: Evidence,
  told: readonly Told[],
): readonly Finding[] {
  const done = told.flatMap(({ edit, fate }) => (fate.kind === 'done' ? [edit] : []));
  const fields = kind === 'doc' ? DOC : kind === 'ruled' ? RULED : {};
  const findings = Object.entries(fields).flatMap(([field, { total, found }]): Finding[] => {
    const edits = done.filter(({ input }) => input[field] !== undefined);
    const [expected, there] = [total(edits, versions[0] ?? {}), found(row[field])].map(String);
    return expected === there
      ? []
      : [{ kind: 'total', text: `${field} is ${there}, and ${edits.length} acknowledged edits come to ${expected}` }];
  });
  // Nobody loses against these two: each that was acknowledged is a version.
  const writes = kind === 'plain' || kind === 'note' ? done.length : null;
  if (writes !== null && Number(row['version']) !== writes + 1)
    findings.push({
      kind: 'total',
      text: `it is at version ${String(row['version'])} after ${writes} acknowledged edits`,
    });
  return findings;
}
