/**
 * Owns the lifetime of a connection with subscriptions: it ends when its credentials become invalid or its maximum age
 * is reached.
 */
import { decodeJwt } from 'jose';
import { isMeridianError, messageOf } from '../../base/errors.ts';
import { type Viewer } from '../../base/viewer.ts';
import { type Options } from '../../config/options.ts';
import { type Headers, type Viewers } from '../viewer.ts';

export type LifeLimits = Pick<Options, 'liveLifeMs' | 'liveCheckMs' | 'clockToleranceMs'>;

export interface LifeInput {
  readonly viewers: Pick<Viewers, 'of'>;
  readonly headers: Headers;
  /** The viewer when the connection began. */
  readonly viewer: Viewer | null;
  readonly limits: LifeLimits;
  /** Called once: `credentials` if the credentials are invalid or name another viewer, else `age`. */
  readonly end: (why: { readonly kind: 'credentials' | 'age'; readonly message: string }) => void;
}

/** Random variation of the maximum age, so that not all connections of a server end at the same time. */
const JITTER = 0.1;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Watches one connection. The returned function stops watching. */
export function watchLife(input: LifeInput): () => void {
  const { limits, headers } = input;
  const timers = new Set<NodeJS.Timeout>();
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    timers.forEach((timer) => clearTimeout(timer));
  };
  const end = (kind: 'credentials' | 'age', message: string): void => {
    // A check of the credentials may finish after the connection has ended.
    if (isOver) return;
    stop();
    input.end({ kind, message });
  };
  const after = (ms: number, work: () => void): void => {
    if (isOver) return;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        work();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    timers.add(timer);
  };
  const check = async (): Promise<void> => {
    try {
      const now = await input.viewers.of({ headers });
      if (identityOf(now) !== identityOf(input.viewer)) end('credentials', 'The credentials name another viewer now.');
    } catch (error) {
      // The viewer cannot be determined now; the next check will decide.
      if (!isMeridianError(error, 'AUTHENTICATION_UNAVAILABLE')) end('credentials', messageOf(error));
    }
  };
  const checkAgain = (): void => after(limits.liveCheckMs, () => void check().finally(checkAgain));
  if (limits.liveLifeMs > 0)
    after(limits.liveLifeMs * (1 - JITTER + 2 * JITTER * Math.random()), () =>
      end('age', 'The connection has reached its age (liveLifeMs): connect again.'),
    );
  checkAgain();
  const expiresInMs = expiryOf(headers, limits);
  if (expiresInMs !== null) after(expiresInMs, () => void check());
  return stop;
}

/** Only these fields are compared: a hook may add fields that differ on each call. */
function identityOf(viewer: Viewer | null): string {
  return JSON.stringify(viewer && [viewer.id, viewer.tenant, viewer.roles]);
}

/**
 * The time until a JWT, which has already been verified, expires, in milliseconds from now. One second is added so that
 * it has certainly expired then.
 */
function expiryOf({ authorization = '' }: Headers, { clockToleranceMs }: LifeLimits): number | null {
  try {
    const { exp } = decodeJwt(authorization.replace(/^Bearer +/i, ''));
    return exp === undefined ? null : Math.max(0, exp * 1_000 - Date.now()) + clockToleranceMs + 1_000;
  } catch {
    return null;
  }
}
