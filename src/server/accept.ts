/**
 * Owns the choice between GraphQL's two media types by the accept header. The answer has that type, and its status
 * depends on it.
 */

const STRICT = 'application/graphql-response+json';
const PLAIN = 'application/json';
const CHARSET = 'charset=utf-8';
const OWN_CHARSET = /^charset="?utf-8"?$/;
/** The type of a range with parameters that our answers do not have. */
const OTHER = 'other';
/** Clients name a few ranges; ranges beyond this number are ignored. */
const MAX_RANGES = 20;

interface Range {
  readonly type: string;
  readonly quality: number;
  /** Higher for a more specific range. */
  readonly exactness: number;
  readonly place: number;
}

/**
 * Whether the answer is `application/graphql-response+json`. Where both types have the same quality, the more specific
 * range wins, then the first one.
 */
export function prefersStrict(accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',', MAX_RANGES).map(rangeOf);
  const strict = rangeFor(STRICT, ranges);
  const plain = rangeFor(PLAIN, ranges);
  if (strict === null || plain === null) return strict !== null;
  return (strict.quality - plain.quality || strict.exactness - plain.exactness || plain.place - strict.place) > 0;
}

/** Maximum number of remembered header texts; clients send few different ones. */
const REMEMBERED = 100;
const known = new Map<string, string | null>();

/** The media type of the answer, as Apollo chooses it; null where neither type is accepted. */
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

/** The most specific range for the type, which takes precedence over others; null where the type is not accepted. */
function rangeFor(type: string, ranges: readonly Range[]): Range | null {
  const fitting = ranges.filter((range) => [type, 'application/*', '*/*'].includes(range.type));
  const deciding = fitting.sort((a, b) => b.exactness - a.exactness || a.place - b.place)[0];
  return deciding && deciding.quality > 0 ? deciding : null;
}
