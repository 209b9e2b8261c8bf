/** Owns the topology of the simulated WAN: its links, and the default round trips between regions. */
import { z } from 'zod';
import { MeridianError } from '../../base/errors.ts';

/** What a link carries: SQL, requests between servers, or the replication stream; each can be cut alone. */
export const LINK_KINDS = ['postgres', 'http', 'replication'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export interface Conditions {
  /** Round-trip time between two regions, milliseconds; half of it in each direction. */
  readonly rttMs: number;
  /** Maximum random deviation of a round trip, milliseconds; the order of bytes never changes. */
  readonly jitterMs: number;
}

export interface RegionPair extends Conditions {
  readonly between: readonly [string, string];
}

/** Round trips of known pairs; every other pair gets `OTHER_RTT_MS`. */
const KNOWN_RTT_MS: Readonly<Record<string, number>> = {
  'eu-west-1/us-east-1': 80,
  'ap-northeast-1/us-east-1': 150,
  'ap-northeast-1/eu-west-1': 220,
};
const OTHER_RTT_MS = 100;

const conditionsSchema = z.strictObject({
  rttMs: z.number().min(0).max(60_000),
  jitterMs: z.number().min(0).max(60_000).default(0),
});
const fileSchema = z.record(z.string(), conditionsSchema);

export type WanSettings = Readonly<Record<string, { readonly rttMs: number; readonly jitterMs?: number | undefined }>>;

/** One name for a pair, in either order. */
export function pairKey(a: string, b: string): string {
  return a < b ? `${a}/${b}` : `${b}/${a}`;
}

/** Reads a WAN file's content: `{"us-east-1/eu-west-1": {"rttMs": 80, "jitterMs": 5}, …}`. */
export function parseWanFile(content: string, path: string): WanSettings {
  const invalid = (why: string): MeridianError =>
    new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The WAN file ${path} ${why}; write {"us-east-1/eu-west-1": {"rttMs": 80, "jitterMs": 5}, …}.`,
    });
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    throw invalid(`is no JSON (${(error as Error).message})`);
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}`);
}

/**
 * Every pair of `regions` with its conditions. `off` means no delay; pairs that `settings` leaves out keep their
 * default.
 */
export function pairsOf(regions: readonly string[], settings: WanSettings | 'off'): RegionPair[] {
  const given = new Map<string, Conditions>();
  for (const [name, { rttMs, jitterMs }] of settings === 'off' ? [] : Object.entries(settings)) {
    const [a, b, more] = name.split('/');
    if (
      a === undefined ||
      b === undefined ||
      more !== undefined ||
      a === b ||
      !regions.includes(a) ||
      !regions.includes(b)
    ) {
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `The WAN settings name the pair "${name}", but a pair is two of the regions ${regions.join(', ')} joined by "/".`,
      });
    }
    given.set(pairKey(a, b), { rttMs, jitterMs: jitterMs ?? 0 });
  }
  return regions.flatMap((a, i) =>
    regions.slice(i + 1).map((b) => {
      const usual = settings === 'off' ? 0 : (KNOWN_RTT_MS[pairKey(a, b)] ?? OTHER_RTT_MS);
      return { between: [a, b] as const, ...(given.get(pairKey(a, b)) ?? { rttMs: usual, jitterMs: 0 }) };
    }),
  );
}
