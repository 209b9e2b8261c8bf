/**
 * Owns the `consistency-level` header: the client's `@consistent`, for subgraphs to which a gateway does not pass the
 * directive.
 */
import { MeridianError } from '../base/errors.ts';
import { LEVEL_HEADER } from '../protocol/headers.ts';
import { CONSISTENCY_LEVELS, type ConsistencyLevel } from './requirement.ts';

/** The arguments of a `@consistent`; null for one that is absent. */
export interface AskedLevel {
  readonly level: ConsistencyLevel | null;
  /** Milliseconds; only with `BOUNDED`. */
  readonly maxLagMs: number | null;
}

/** For `@consistent` without a level. */
const BARE = 'DEFAULT';
/** `BOUNDED`, `BOUNDED; maxLagMs=500`. The number is a GraphQL `Int`. */
const FORM = /^([A-Z]{1,16})(?:[ \t]*;[ \t]*maxLagMs=([0-9]{1,10}))?$/;
const MAX_LAG_MS = 2 ** 31 - 1;
/** Longer than every spelling that is sent twice. */
const MAX_LENGTH = 200;

export function writeLevel({ level, maxLagMs }: AskedLevel): string {
  return maxLagMs === null ? (level ?? BARE) : `${level ?? BARE}; maxLagMs=${maxLagMs}`;
}

/**
 * A proxy may send the header twice, but two different levels are refused. Null without the header. Throws
 * `BAD_USER_INPUT`.
 */
export function readLevel(header: string | undefined): AskedLevel | null {
  if (header === undefined) return null;
  if (header.length > MAX_LENGTH) throw unreadable('is too long');
  const [first = '', ...others] = header.split(',').map((member) => member.trim());
  if (others.some((other) => other !== first)) throw unreadable('names several levels');
  const [, name, bound] = FORM.exec(first) ?? [];
  const level = CONSISTENCY_LEVELS.find((known) => known === name) ?? null;
  if (level === null && name !== BARE) throw unreadable(`names none of ${[BARE, ...CONSISTENCY_LEVELS].join(', ')}`);
  const maxLagMs = bound === undefined ? null : Number(bound);
  if (maxLagMs !== null && maxLagMs > MAX_LAG_MS) throw unreadable(`has a maxLagMs above ${MAX_LAG_MS}`);
  return { level, maxLagMs };
}

function unreadable(why: string): MeridianError {
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `The ${LEVEL_HEADER} header ${why}; send a level as in "STRONG" or "BOUNDED; maxLagMs=500", or leave it out.`,
  });
}
