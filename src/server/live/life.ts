/** Owns how long a connection with subscriptions lives: as long as its credentials hold, and no longer than an option says. */
import { decodeJwt } from 'jose';
import { isMeridianError, messageOf } from '../../base/errors.ts';
import { type Viewer } from '../../base/viewer.ts';
import { type Options } from '../../config/options.ts';
import { type Headers, type Viewers } from '../viewer.ts';

export type LifeLimits = Pick<Options, 'liveLifeMs' | 'liveCheckMs' | 'clockToleranceMs'>;

export interface LifeInput {
  readonly viewers: Pick<Viewers, 'of'>;
  readonly headers: Headers;
  /** Who was asking when the connection began. */
  readonly viewer: Viewer | null;
  readonly limits: LifeLimits;
  /** Called once: `credentials` where who is asking is no longer known, or is somebody else; else the life is over. */
  readonly end: (why: { readonly kind: 'credentials' | 'age'; readonly message: string }) => void;
}

/** Of a life, so that not all connections of a server end together. */
const JITTER = 0.1;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Watches one connection; the function that it returns stops that. */
export function watchLife(input: LifeInput): () => void {
  const { limits, headers } = input;
  const timers = new Set<NodeJS.Timeout>();
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    timers.forEach((timer) => clearTimeout(timer));
  };
  const end = (kind: 'credentials' | 'age', message: string): void => {
    // A look at the credentials may come back after the connection has gone.
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
      // Who it is cannot be found out now: the next look will tell.
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

/** A hook may add what is another each time. */
function identityOf(viewer: Viewer | null): string {
  return JSON.stringify(viewer && [viewer.id, viewer.tenant, viewer.roles]);
}

/**
 * When a JWT counts no more, in milliseconds from now; it has been verified already. A second later it is over for
 * certain.
 */
function expiryOf({ authorization = '' }: Headers, { clockToleranceMs }: LifeLimits): number | null {
  try {
    const { exp } = decodeJwt(authorization.replace(/^Bearer +/i, ''));
    return exp === undefined ? null : Math.max(0, exp * 1_000 - Date.now()) + clockToleranceMs + 1_000;
  } catch {
    return null;
  }
}
