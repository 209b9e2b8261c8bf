/**
 * Owns short words for what shared caches keep: tags of one table, entries at a position, and caches that end with
 * their test.
 */
import { type ClusterId } from '../../src/base/lineage.ts';
import { toLsn, type Lsn } from '../../src/base/lsn.ts';
import {
  type Batch,
  type CacheKey,
  type FillItem,
  type SharedCache,
  type SharedItem,
  type SharedState,
} from '../../src/cache/ports.ts';
import { tagOf, type TableTag, type Tag } from '../../src/change/tags.ts';
import { type Options } from '../../src/config/options.ts';
import { RedisSharedCache } from '../../src/redis/shared-cache.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { type Deployment, optionsOf } from './redis-deployments.ts';

export const lsn = (n: number | bigint): Lsn => toLsn(BigInt(n));
export const CLUSTER = 'AbCd_-12' as ClusterId;
export const TABLE = 'public.tasks' as TableTag;
export const at = (n: number | bigint, timeline = 3) => ({ cluster: CLUSTER, timeline, lsn: lsn(n) });

export function tag(id: number | string, table = TABLE): Tag {
  return tagOf(table, ['id'], [String(id)]);
}

export function key(id: number | string, variant = 'row'): CacheKey {
  return { tags: [tag(id)], variant };
}

export interface ItemOptions {
  readonly body?: string;
  readonly maxVariants?: number;
  /** From now; default an hour. */
  readonly ttlMs?: number;
}

/** An entry that is right as of `asOf`, under an id or any key. */
export function item(
  what: number | string | CacheKey,
  asOf: number | bigint,
  { body = `as of ${asOf}`, maxVariants = 100, ttlMs = 3_600_000 }: ItemOptions = {},
): FillItem {
  return {
    key: typeof what === 'object' ? what : key(what),
    maxVariants,
    entry: { asOf: lsn(asOf), seen: at(asOf), expiresAtMs: Date.now() + ttlMs, body },
  };
}

export function batch(
  watermark: number | bigint,
  tags: readonly Tag[] = [],
  { tables = [], horizon = 0 }: { readonly tables?: readonly TableTag[]; readonly horizon?: number | bigint } = {},
): Batch {
  return { watermark: lsn(watermark), tags, tables, horizon: lsn(horizon) };
}

/** A cache over its own keys of the deployment, or over those of `options`; connected. */
export async function openCache(
  deployment: Deployment,
  options: Options = optionsOf(deployment),
): Promise<RedisSharedCache & Disposable> {
  const cache = new RedisSharedCache({ url: deployment.url, options, log: silentTelemetry().log });
  await cache.opened();
  return Object.assign(cache, { [Symbol.dispose]: () => cache.close() });
}

/** What lies under the keys: bodies, `leased`, or null for a miss. Takes no leases. */
export async function bodies(
  cache: SharedCache,
  ...keys: readonly (number | string | CacheKey)[]
): Promise<(string | null)[] | 'no life'> {
  const looked = await cache.lookup(
    keys.map((one) => (typeof one === 'object' ? one : key(one))),
    { leaseMs: 0 },
  );
  return looked === null ? 'no life' : looked.items.map(bodyOf);
}

export function bodyOf(found: SharedItem): string | null {
  if (found.kind === 'hit') return found.entry.body;
  return found.leased ? 'leased' : null;
}

/** A step that must have been taken. */
export function taken(state: SharedState | null): SharedState {
  if (state === null) throw new Error('the step was refused');
  return state;
}
