/** Owns the proof that a region's Redis is said to answer exactly while it does. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { SharedCacheDown } from '../../../src/cache/ports.ts';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { RedisHealth } from '../../../src/redis/health.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { freePort } from '../../support/ports.ts';
import { redisProgram, startScratchRedis } from '../../support/redis.ts';

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
  it('is false within its time limit where nothing listens or nothing answers', async () => {
    const absent = new RedisHealth({ url: `redis://127.0.0.1:${await freePort()}`, options, timeoutMs: 200, log });
    assert.equal(await absent.ping(), false);
    absent.close();
    const open = new Set<Socket>();
    const mute = createServer((socket) => open.add(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const silent = new RedisHealth({
      url: `redis://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      options,
      timeoutMs: 200,
      log,
    });
    const startedMs = performance.now();
    assert.equal(await silent.ping(), false);
    assert.ok(performance.now() - startedMs < 10_000);
    silent.close();
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  it(
    'follows a real server that is up, goes down and comes back',
    { skip: program === null && 'neither redis-server nor valkey-server is here, and this user cannot install one' },
    async () => {
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
    },
  );

  it(
    'gives the figures of all running processes to every process with the same prefix',
    { skip: program === null && 'neither redis-server nor valkey-server is here, and this user cannot install one' },
    async () => {
      await using server = await startScratchRedis(program ?? '', await freePort());
      const make = (overrides: Partial<Options>): RedisHealth =>
        new RedisHealth({ url: server.url, options: defaultOptions(overrides), timeoutMs: 5_000, log });
      using ending = new DisposableStack();
      const [quick, slow, other] = [
        make({ redisStatsMs: 100 }),
        make({ redisStatsMs: 60_000 }),
        make({ redisPrefix: 'other' }),
      ];
      for (const health of [quick, slow, other]) ending.defer(() => health.close());
      assert.deepEqual(await quick.figures.all(), []);
      await slow.figures.leave('a', '{"hits":1}');
      await slow.figures.leave('a', '{"hits":2}\n');
      await quick.figures.leave('b', 'x');
      assert.deepEqual((await slow.figures.all()).toSorted(), ['x', '{"hits":2}\n']);
      await other.figures.leave('c', 'y');
      assert.deepEqual(await other.figures.all(), ['y']);
      for (const end = Date.now() + 20_000; (await slow.figures.all()).includes('x');) {
        assert.ok(Date.now() < end, 'what is not renewed is forgotten');
        await pause(50);
      }
      assert.deepEqual(await slow.figures.all(), ['{"hits":2}\n']);
      await server[Symbol.asyncDispose]();
      await assert.rejects(quick.figures.all(), SharedCacheDown);
    },
  );
});
