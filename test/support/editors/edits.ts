/**
 * Owns what editors do: a row as it was read becomes an edit of some of its fields, and every edit knows what must
 * become of it.
 */
import { type Random } from '../random.ts';

export type Values = Readonly<Record<string, unknown>>;

export const KINDS = ['doc', 'note', 'plain', 'ruled'] as const;
export type Kind = (typeof KINDS)[number];

export interface Target {
  readonly kind: Kind;
  readonly id: string;
}

/** An edit that was sent, by somebody whose name is in everything that it writes. */
export interface Edit {
  readonly name: string;
  readonly target: Target;
  /** The row as its author saw it. */
  readonly base: Values;
  /** Null: its author does not say what was seen. */
  readonly expectedVersion: number | null;
  readonly input: Values;
}

export const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  doc: ['title', 'body', 'hits', 'score', 'top', 'low', 'tags', 'log', 'story'],
  note: ['title', 'body'],
  plain: ['title', 'body'],
  ruled: ['title', 'points'],
};

export const TABLES: Readonly<Record<Kind, string>> = { doc: 'docs', note: 'notes', plain: 'plains', ruled: 'ruled' };
export const ENTITIES: Readonly<Record<Kind, string>> = { doc: 'Doc', note: 'Note', plain: 'Plain', ruled: 'Ruled' };

/** A decimal of at most two places, as hundredths: sums of them are exact. */
export function hundredths(value: unknown): bigint {
  const [, sign = '', whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d{1,2})0*)?$/.exec(String(value)) ?? [];
  if (whole === '') throw new RangeError(`${String(value)} is no decimal of two places`);
  return BigInt(`${sign}${whole}${part.padEnd(2, '0')}`);
}

export function decimal(count: bigint): string {
  const digits = String(count < 0n ? -count : count).padStart(3, '0');
  return `${count < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export const listOf = (value: unknown): readonly string[] => value as readonly string[];

/** New values of a document's fields, from those that were seen; each is a change. */
const DOC: Readonly<Record<string, (seen: unknown, name: string, random: Random) => unknown>> = {
  title: (_seen, name) => `title of ${name}`,
  body: (_seen, name) => `body of ${name}`,
  hits: (seen, _name, random) => String(BigInt(String(seen)) + BigInt(random.pick([1, 1, 1, 2, 10, -3, 1_000_000]))),
  score: (seen, _name, random) =>
    decimal(hundredths(seen) + BigInt(1 + random.below(500)) * (random.below(4) === 0 ? -1n : 1n)),
  // Higher than what was seen: whoever lowers what nobody else has changed has lowered it.
  top: (seen, _name, random) => Number(seen) + 1 + random.below(1_000),
  low: (seen, _name, random) => decimal(hundredths(seen) - BigInt(1 + random.below(1_000))),
  tags: (seen, name, random) => {
    const kept = listOf(seen).filter(() => random.below(4) > 0);
    // An element is added once and by one editor, so that it is there unless somebody has removed it.
    return kept.length < listOf(seen).length && random.below(2) === 0 ? kept : [...kept, `tag of ${name}`];
  },
  log: (seen, name, random) => [
    ...listOf(seen),
    ...Array.from({ length: 1 + random.below(2) }, (_, i) => `line ${i} of ${name}`),
  ],
  story: (seen, name) => `${String(seen)}<${name}>`,
};

const RULED: typeof DOC = {
  title: (_seen, name, random) => `${random.below(6) === 0 ? '!' : ''}title ${'x'.repeat(random.below(20))} of ${name}`,
  points: DOC['hits'] as (typeof DOC)[string],
};

/** Some of the fields, one to three; a document's title not too often, since that refuses the rest as well. */
export function newInput({ kind }: Target, seen: Values, name: string, random: Random): Values {
  const fields = kind === 'doc' && random.below(3) > 0 ? FIELDS.doc.filter((field) => field !== 'title') : FIELDS[kind];
  const makers = kind === 'ruled' ? RULED : DOC;
  const chosen = random.shuffled(fields).slice(0, 1 + random.below(3));
  return Object.fromEntries(chosen.map((field) => [field, makers[field]?.(seen[field], name, random)]));
}

/** What became of an edit, as its author was told. */
export type Fate =
  | { readonly kind: 'done'; readonly version: number; readonly row: Values }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly version: number | null;
      readonly fields: readonly string[];
    }
  /** Nobody said what became of it, however often it was sent. */
  | { readonly kind: 'unknown'; readonly last: string };

export interface Told {
  readonly edit: Edit;
  readonly fate: Fate;
}
