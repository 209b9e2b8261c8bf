/** Owns what every claim about the caches is measured on. */
import { Redis } from 'ioredis';
import { type Cluster } from '../../src/dev/cluster.ts';
import { type Entity } from '../../src/model/model.ts';
import { EU } from '../support/regions.ts';

export interface Setting {
  /** Databases of two regions without delay between them, each with a Redis. */
  readonly cluster: Cluster;
  /** The reference application's tasks. */
  readonly entity: Entity;
}

export function redisUrlOf({ cluster }: Setting): string {
  const { redis } = cluster.region(EU);
  if (redis === null) throw new TypeError(`${EU} has no Redis`);
  return redis.url;
}

/** So that no claim meets what an earlier one has cached. */
export async function forget(setting: Setting): Promise<void> {
  const redis = new Redis(redisUrlOf(setting));
  await redis.flushall();
  redis.disconnect();
}
