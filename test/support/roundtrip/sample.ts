/** Owns what one generated value is: how a client spells it, and which text means the same to PostgreSQL. */
import { type Random } from '../random.ts';
import { num, toJson, type Wire } from './wire.ts';

export interface Sample {
  /** As the client sends it. */
  readonly wire: Wire;
  /**
   * What it means, as input of the column's type; null for NULL, and where `wire` is not null, for nothing that
   * PostgreSQL could hold.
   */
  readonly meant: string | null;
  /** Where it is not the value's usual spelling in a document: a name of an enum. */
  readonly literal?: string;
  /** Of a list. */
  readonly entries?: readonly Sample[];
  /** The type's ordinary spelling: a server that refuses it refuses too much. Others may be refused. */
  readonly isPlain: boolean;
}

export const isUnstorable = ({ wire, meant }: Sample): boolean => meant === null && wire !== null;

export type Generate = (random: Random) => Sample;

/** One of several generators; those that are named twice come twice as often. */
export const oneOf =
  (...generators: readonly Generate[]): Generate =>
  (random) =>
    random.pick(generators)(random);

export const plainText = (text: string): Sample => ({ wire: text, meant: text, isPlain: true });
export const oddText = (text: string, meant = text): Sample => ({ wire: text, meant, isPlain: false });
export const plainNumber = (digits: string, meant = digits): Sample => ({ wire: num(digits), meant, isPlain: true });
export const oddNumber = (digits: string, meant = digits): Sample => ({ wire: num(digits), meant, isPlain: false });

export const fixed =
  (samples: readonly Sample[]): Generate =>
  (random) =>
    random.pick(samples);
export const plainTexts = (...texts: readonly string[]): Generate => fixed(texts.map(plainText));
export const oddTexts = (...texts: readonly string[]): Generate => fixed(texts.map((text) => oddText(text)));

export const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1);

/** So many decimal digits, the first of them not zero. */
export function digits(random: Random, count: number): string {
  return Array.from({ length: count }, (_, place) =>
    String(place === 0 ? between(random, 1, 9) : random.below(10)),
  ).join('');
}

/** A whole number from `low` to `high`, both ends far more often than others. */
export function wholeBetween(random: Random, low: bigint, high: bigint): bigint {
  const near = BigInt(random.below(3));
  switch (random.below(6)) {
    case 0:
      return low + near;
    case 1:
      return high - near;
    case 2:
      return BigInt(between(random, -2, 2)) < low ? low : BigInt(between(random, low < 0n ? -2 : 0, 2));
    default: {
      const width = (high - low).toString(2).length;
      const size = between(random, 1, width);
      let value = 0n;
      for (let bit = 0; bit < size; bit += 1) value = value * 2n + BigInt(random.below(2));
      const signed = low < 0n && random.below(2) === 0 ? -value : value;
      return signed < low || signed > high ? low + (value % (high - low + 1n)) : signed;
    }
  }
}

/** An array of these; NULL entries among them, and empty ones. */
export function listOf(
  item: Generate,
  { delimiter = ',', nulls = true }: { readonly delimiter?: string; readonly nulls?: boolean } = {},
): Generate {
  return (random) => {
    const items = Array.from({ length: random.below(4) }, () => item(random));
    const withNulls = items.map((sample): Sample =>
      nulls && random.below(8) === 0 ? { wire: null, meant: null, isPlain: true } : sample,
    );
    const isStorable = withNulls.every((sample) => !isUnstorable(sample));
    return {
      entries: withNulls,
      wire: withNulls.map(({ wire }) => wire),
      meant: isStorable
        ? arrayText(
            withNulls.map(({ meant }) => meant),
            delimiter,
          )
        : null,
      isPlain: withNulls.every(({ isPlain }) => isPlain),
    };
  };
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** PostgreSQL's text of an array of texts. */
export function arrayText(items: readonly (string | null)[], delimiter = ','): string {
  return `{${items.map((item) => (item === null ? 'NULL' : quoted(item))).join(delimiter)}}`;
}

/** PostgreSQL's text of a row of texts. */
export function rowText(items: readonly (string | null)[]): string {
  return `(${items.map((item) => (item === null ? '' : `"${item.replace(/["\\]/g, '$&$&')}"`)).join(',')})`;
}

/** A value for a message: the whole of it where it is short. */
export function shown(value: unknown, most = 160): string {
  const text = typeof value === 'string' ? value : (toJson(value) ?? 'nothing');
  return text.length <= most ? text : `${text.slice(0, most / 2)}…${text.slice(-most / 4)} (${text.length} characters)`;
}
