/** Owns the start of the regions' Redis servers: one per region, or none at all. */
import { join } from 'node:path';
import { type BootContext } from './boot.ts';
import { makeDataDir, makeTraversable } from './postgres/data-dir.ts';
import { explained } from './problems.ts';
import { REDIS_FOLDER } from './redis/folder.ts';
import { RedisInstance } from './redis/instance.ts';
import { endLeftoverRedis } from './redis/leftover.ts';

/** Each begins empty: what an earlier start had cached is no longer valid. Resolves when all of them answer. */
export async function bootCaches({
  options,
  supervisor,
  account,
  dataDir,
  logDir,
}: Pick<BootContext, 'options' | 'supervisor' | 'account' | 'dataDir' | 'logDir'>): Promise<
  ReadonlyMap<string, RedisInstance>
> {
  const program = options.redis ?? null;
  if (program === null) return new Map();
  const parent = join(dataDir, REDIS_FOLDER);
  const started = [...options.ports].map(async ([region, { redis: port }]) => {
    const folder = join(parent, region);
    await endLeftoverRedis(folder);
    await explained(`The data folder ${folder}`, () => {
      makeTraversable(parent);
      makeDataDir(folder, account);
    });
    const instance = new RedisInstance({
      region,
      port,
      program,
      supervisor,
      account,
      dataDir: folder,
      logFile: join(logDir, `redis-${region}.log`),
    });
    await instance.start();
    return [region, instance] as const;
  });
  return new Map(await Promise.all(started));
}
