/**
 * Owns what can be read from consistency tokens without their secret: their positions, and which of several tokens are
 * superfluous. Runs in browsers.
 */

/** The position of a token on one timeline of one cluster. */
interface Named {
  readonly cluster: string;
  readonly timeline: number;
  readonly lsn: bigint;
}

/** A token is `m1.<payload>.<signature>`; payload and signature are base64url. */
export const TOKEN_VERSION = 'm1';
/**
 * The payload has a record for each cluster: its name is 8 base64url characters, which are exactly 6 bytes; then
 * timeline and LSN, big-endian.
 */
export const CLUSTER_BYTES = 6;
export const RECORD_BYTES = CLUSTER_BYTES + 4 + 8;

/** The tokens of a `consistency-token` header: one, or several joined by commas, as gateways and proxies join them. */
export function splitTokens(header: string | null | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * `tokens` without those that the others make superfluous, in the same order. Positions are compared within one
 * timeline only: only a server knows whether a write of an older timeline survived a failover, so it must get both
 * (R7). A token that cannot be read is kept for the same reason. The result has at most one token for each timeline of
 * each cluster.
 */
export function leastTokens(tokens: readonly string[]): string[] {
  let kept = [...new Set(tokens)];
  for (const token of [...kept]) {
    const others = kept.filter((other) => other !== token);
    if (
      isCovered(
        namedBy(token),
        others.flatMap((other) => namedBy(other) ?? []),
      )
    )
      kept = others;
  }
  return kept;
}

export interface Exchange {
  /** Tokens held when the answer arrives. */
  readonly held: readonly string[];
  /** Those that went with the request. */
  readonly sent: readonly string[];
  /** Those that came with its answer. */
  readonly answered: readonly string[];
}

/**
 * The tokens to hold after an answer. An answer's token is not below its request's (R6), so a token that was sent is
 * dropped once the answer names its clusters. A token of an older timeline is dropped if the answer has a newer
 * position of its cluster than was sent: only a server of that cluster can provide one, and it has judged the older
 * position. Servers of other clusters pass positions on unchanged, and only those of the newest timeline. Tokens that
 * arrived meanwhile, by another request or in another tab, stay.
 */
export function tokensAfter({ held, sent, answered }: Exchange): string[] {
  const told = answered.flatMap((token) => namedBy(token) ?? []);
  const asked = sent.flatMap((token) => namedBy(token) ?? []);
  const isNews = (one: Named): boolean => asked.every((other) => other.cluster !== one.cluster || isLater(one, other));
  const isSettled = (token: string): boolean => {
    const named = namedBy(token);
    if (named === null) return answered.length > 0;
    return named.every((one) =>
      told.some(
        (other) =>
          other.cluster === one.cluster &&
          (other.timeline === one.timeline ? other.lsn >= one.lsn : other.timeline > one.timeline && isNews(other)),
      ),
    );
  };
  return leastTokens([...held.filter((token) => !sent.includes(token) || !isSettled(token)), ...answered]);
}

function isLater(one: Named, other: Named): boolean {
  return one.timeline === other.timeline ? one.lsn > other.lsn : one.timeline > other.timeline;
}

function isCovered(named: readonly Named[] | null, others: readonly Named[]): boolean {
  return (
    named !== null &&
    named.every(({ cluster, timeline, lsn }) =>
      others.some((other) => other.cluster === cluster && other.timeline === timeline && other.lsn >= lsn),
    )
  );
}

/** Null for a text that is not a token of this version. */
function namedBy(token: string): readonly Named[] | null {
  const [version, payload, signature, ...rest] = token.split('.');
  if (version !== TOKEN_VERSION || !payload || !signature || rest.length > 0) return null;
  const bytes = bytesOf(payload);
  if (bytes === null || bytes.length === 0 || bytes.length % RECORD_BYTES !== 0) return null;
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / RECORD_BYTES }, (_, i) => {
    const at = i * RECORD_BYTES;
    // Eight characters of base64 are exactly six bytes, so the name can be cut out of the text.
    return {
      cluster: payload.slice((at * 4) / 3, ((at + CLUSTER_BYTES) * 4) / 3),
      timeline: view.getUint32(at + CLUSTER_BYTES),
      lsn: view.getBigUint64(at + CLUSTER_BYTES + 4),
    };
  });
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]+$/.test(base64url)) return null;
  try {
    return Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
  } catch {
    // Not a whole number of bytes.
    return null;
  }
}
