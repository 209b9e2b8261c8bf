/** Random histories of a region with two processes and a real Redis, which forgets everything now and then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import * as localModule from '../../../src/cache/local.ts';
import * as regionModule from '../../../src/cache/region-cache.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { RedisSharedCache } from '../../../src/redis/shared-cache.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { freePort } from '../../support/ports.ts';
import { redisOrSkip, startScratchRedis } from '../../support/redis.ts';
import { runHistory } from './history-run.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const HISTORIES = 8;
const STEPS = 400;
const { program, skip } = redisOrSkip();

test(`no history through a shared cache has a violation (SEED=${SEED})`, { skip }, async () => {
  await using server = await startScratchRedis(program, await freePort());
  const direct = new Redis(server.url);
  const total = { reads: 0, local: 0, shared: 0, loads: 0 };
  try {
    for (let n = 0; n < HISTORIES; n += 1) {
      // A machine under load may answer late; this is not about time.
      const options = { ...defaultOptions(), redisPrefix: `history${n}`, redisMs: 10_000 };
      const cache = new RedisSharedCache({ url: server.url, options, log: silentTelemetry().log });
      try {
        assert.ok(await cache.opened());
        const shared = { cache, journal: cache, forget: async () => void (await direct.flushall()) };
        const { violation, ...counts } = await runHistory({
          seed: SEED + n,
          steps: STEPS,
          caches: { ...localModule, ...regionModule },
          processes: 2,
          shared,
        });
        assert.equal(violation, null, `SEED=${SEED + n}: ${violation}`);
        for (const name of ['reads', 'local', 'shared', 'loads'] as const) total[name] += counts[name];
      } finally {
        cache.close();
      }
    }
  } finally {
    direct.disconnect();
  }
  assert.ok(total.shared > 0 && total.local > 0, JSON.stringify(total));
});
