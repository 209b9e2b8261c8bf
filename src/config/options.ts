/**
 * Owns the list of all options, each declared once, by subject, in options/. Docs, flags and environment follow from it.
 */
import { type Option } from './option.ts';
import { APPLICATION_OPTIONS } from './options/application.ts';
import { AUTH_OPTIONS } from './options/auth.ts';
import { CACHE_OPTIONS } from './options/cache.ts';
import { CONNECTIONS_OPTIONS } from './options/connections.ts';
import { CONSISTENCY_OPTIONS } from './options/consistency.ts';
import { COOKIES_OPTIONS } from './options/cookies.ts';
import { GRAPH_OPTIONS } from './options/graph.ts';
import { HEALTH_OPTIONS } from './options/health.ts';
import { LIVE_OPTIONS } from './options/live.ts';
import { READS_OPTIONS } from './options/reads.ts';
import { SERVER_OPTIONS } from './options/server.ts';
import { TAIL_OPTIONS } from './options/tail.ts';
import { TELEMETRY_OPTIONS } from './options/telemetry.ts';
import { WRITES_OPTIONS } from './options/writes.ts';

export const OPTIONS = {
  ...APPLICATION_OPTIONS,
  ...SERVER_OPTIONS,
  ...CONNECTIONS_OPTIONS,
  ...CONSISTENCY_OPTIONS,
  ...COOKIES_OPTIONS,
  ...GRAPH_OPTIONS,
  ...TAIL_OPTIONS,
  ...CACHE_OPTIONS,
  ...LIVE_OPTIONS,
  ...HEALTH_OPTIONS,
  ...READS_OPTIONS,
  ...WRITES_OPTIONS,
  ...AUTH_OPTIONS,
  ...TELEMETRY_OPTIONS,
} as const satisfies Record<string, Option<never> | Option<string> | Option<number> | Option<boolean>>;

type ValueOf<O> = O extends Option<infer T> ? T : never;

/** Every option with its value. */
export type Options = { readonly [K in keyof typeof OPTIONS]: ValueOf<(typeof OPTIONS)[K]> };

/** The options with nothing set: for tests and for `createDataLayer`. */
export function defaultOptions(overrides: Partial<Options> = {}): Options {
  const entries = Object.entries(OPTIONS).map(([key, declared]) => [key, declared.default]);
  return { ...(Object.fromEntries(entries) as unknown as Options), ...overrides };
}
