/** Owns the proof that a region's Redis is said to answer exactly while it does. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { defaultOptions } from '../../../src/config/options.ts';
import { RedisHealth } from '../../../src/redis/health.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { freePort, redisProgram, startScratchRedis } from '../../support/redis.ts';

const { log } = silentTelemetry();
const options = defaultOptions({ redisStatsMs: 100 });
const program = redisProgram();

async function untilAnswers(health: RedisHealth, expected: boolean): Promise<void> {
  const deadlineMs = Date.now() + 5_000;
  while ((await health.ping()) !== expected) {
    assert.ok(Date.now() < deadlineMs, `ping() became ${expected} within 5 s`);
    await pause(50);
  }
}

describe('the health of a Redis', () => {
  it('is false, in time, where nothing listens or nobody answers', async () => {
    const absent = new RedisHealth({ url: `redis://127.0.0.1:${await freePort()}`, options, timeoutMs: 200, log });
    assert.equal(await absent.ping(), false);
    absent.close();
    const open = new Set<Socket>();
    const mute = createServer((socket) => open.add(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const silent = new RedisHealth({ url: `redis://127.0.0.1:${(mute.address() as AddressInfo).port}`, options, timeoutMs: 200, log });
    const startedMs = performance.now();
    assert.equal(await silent.ping(), false);
    assert.ok(performance.now() - startedMs < 1_000);
    silent.close();
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  it('follows a real server: there, gone, there again', { skip: program === null && 'neither redis-server nor valkey-server is here, and this user cannot install one' }, async () => {
    const port = await freePort();
    const first = await startScratchRedis(program ?? '', port);
    const health = new RedisHealth({ url: first.url, options, timeoutMs: 500, log });
    assert.deepEqual(await Promise.all([health.ping(), health.ping()]), [true, true]);
    await first[Symbol.asyncDispose]();
    await untilAnswers(health, false);
    const second = await startScratchRedis(program ?? '', port);
    await untilAnswers(health, true);
    health.close();
    await second[Symbol.asyncDispose]();
  });
});
