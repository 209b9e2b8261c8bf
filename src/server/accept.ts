/**
 * Owns which of GraphQL's two media types a client would rather have: the server's answer is of that type, and its
 * status goes by it.
 */

const STRICT = 'application/graphql-response+json';
const PLAIN = 'application/json';
const CHARSET = 'charset=utf-8';
const OWN_CHARSET = /^charset="?utf-8"?$/;
/** Stands for a range with parameters that no answer of ours has. */
const OTHER = 'other';
/** A client names a handful; what comes after that many is not read. */
const MAX_RANGES = 20;

interface Range {
  readonly type: string;
  readonly quality: number;
  /** Higher the more exactly it names a type. */
  readonly exactness: number;
  readonly place: number;
}

/**
 * Whether the answer is `application/graphql-response+json`. Where both are as welcome: the one that is named more
 * exactly, then the one that is named first.
 */
export function prefersStrict(accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',', MAX_RANGES).map(rangeOf);
  const strict = rangeFor(STRICT, ranges);
  const plain = rangeFor(PLAIN, ranges);
  if (strict === null || plain === null) return strict !== null;
  return (strict.quality - plain.quality || strict.exactness - plain.exactness || plain.place - strict.place) > 0;
}

/** So many texts are remembered: clients send few. */
const REMEMBERED = 100;
const known = new Map<string, string | null>();

/** The media type of the answer, as Apollo chooses it; null where neither is welcome. */
export function acceptedType(accept: string | undefined): string | null {
  if (accept === undefined) return `${PLAIN}; ${CHARSET}`;
  const found = known.get(accept);
  if (found !== undefined) return found;
  const ranges = accept.split(',', MAX_RANGES).map(rangeOf);
  const type = [STRICT, PLAIN].every((one) => rangeFor(one, ranges) === null)
    ? null
    : `${prefersStrict(accept) ? STRICT : PLAIN}; ${CHARSET}`;
  if (known.size >= REMEMBERED) known.clear();
  known.set(accept, type);
  return type;
}

function rangeOf(text: string, place: number): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  const named = parameters.filter((parameter) => parameter !== '' && parameter !== weight);
  if (!named.every((parameter) => OWN_CHARSET.test(parameter))) return { type: OTHER, quality, exactness: 0, place };
  return {
    type,
    quality,
    exactness: (type === '*/*' ? 0 : type.endsWith('/*') ? 2 : 4) + (named.length > 0 ? 1 : 0),
    place,
  };
}

/**
 * The range that names the type most exactly decides about it, whatever others say; null where it is not welcome at
 * all.
 */
function rangeFor(type: string, ranges: readonly Range[]): Range | null {
  const fitting = ranges.filter((range) => [type, 'application/*', '*/*'].includes(range.type));
  const deciding = fitting.sort((a, b) => b.exactness - a.exactness || a.place - b.place)[0];
  return deciding && deciding.quality > 0 ? deciding : null;
}
