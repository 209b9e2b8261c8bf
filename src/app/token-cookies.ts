/**
 * Owns the wiring of token cookies: the options' effect on cookies, the limits of this graph, and the removal of lost
 * positions after a failover.
 */
import { isMeridianError } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type Positions } from '../consistency/positions.ts';
import { type TokenCodec } from '../consistency/token.ts';
import { lostOf } from '../read/session/named.ts';
import { type RegionMonitor } from '../region/monitor.ts';
import { type TokenCookieRules } from '../server/token-cookies.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { traceFields } from '../telemetry/trace.ts';

export interface TokenCookieParts {
  readonly options: Options;
  readonly codec: TokenCodec;
  readonly monitor: Pick<RegionMonitor, 'cluster' | 'history'>;
  readonly telemetry: Telemetry;
}

/** Null where cookies carry no tokens. */
export function tokenCookieRules({
  options,
  codec,
  monitor,
  telemetry: { log, metrics },
}: TokenCookieParts): TokenCookieRules | null {
  if (options.tokenCookie === '') return null;
  const own = (token: string): Positions =>
    new Map([...codec.decode(token)].filter(([cluster]) => cluster === monitor.cluster));
  return {
    settings: {
      name: options.tokenCookie,
      path: options.tokenCookiePath,
      domain: options.tokenCookieDomain,
      sameSite: options.tokenCookieSameSite,
      secure: options.tokenCookieSecure,
      maxAgeS: options.tokenCookieMaxAgeS,
      maxCookies: options.tokenCookieCount,
      maxBytes: options.tokenCookieBytes,
    },
    verifies(token) {
      try {
        codec.decode(token);
        return true;
      } catch (error) {
        if (!isMeridianError(error)) throw error;
        metrics.tokenErrors.inc({ code: error.code });
        log.debug({ code: error.code, ...traceFields() }, 'A cookie whose token is not valid is expired.');
        return false;
      }
    },
    meant(code, tokens) {
      const named = tokens.filter((token) => own(token).size > 0);
      const lost =
        code === 'CONSISTENCY_LOST'
          ? named.filter((token) => lostOf([...own(token).values()], monitor.history) !== null)
          : [];
      // This server need not know of a loss that another server reported, and it cannot see which position is from the
      // future.
      return lost.length > 0 ? lost : named;
    },
    withoutOwn: (token) =>
      codec.encode(new Map([...codec.decode(token)].filter(([cluster]) => cluster !== monitor.cluster))),
  };
}
