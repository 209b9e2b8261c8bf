/**
 * Proves what happens to a region's caches when a part that feeds them fails: no request fails, no read is older than
 * its token, and caching starts again.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { AWAY, COUNTERS, CountingRegion, PATIENT, type Reader, type RegionLayer } from '../support/counting-region.ts';
import { until } from '../support/observe.ts';
import { redisOrSkip } from '../support/redis.ts';

const { program, skip } = redisOrSkip();

interface Pair extends AsyncDisposable {
  readonly holder: RegionLayer;
  readonly follower: RegionLayer;
}

describe('the caches of a region', { skip }, () => {
  let region: CountingRegion;
  before(async () => {
    region = await CountingRegion.start(program);
  });
  after(() => region[Symbol.asyncDispose]());

  /** Two servers, of which the first one has the slot. */
  async function pair(): Promise<Pair> {
    const holder = await region.serve();
    await until('the first server has the slot', () => holder.isHolder && holder.isCaching, PATIENT);
    const follower = await region.serve();
    await until('the second server follows', () => follower.isCaching, PATIENT);
    return {
      holder,
      follower,
      async [Symbol.asyncDispose]() {
        await Promise.all([holder.close(), follower.close()]);
      },
    };
  }

  async function sharedValues(): Promise<number> {
    const control = new Redis(region.redis.url);
    const values = await control.keys('*counters|id|*');
    control.disconnect();
    return values.length;
  }

  const warm = async (reader: Reader): Promise<void> => {
    for (let id = 1; id <= COUNTERS; id += 1) await reader.read(id);
  };

  /**
   * Counters grow and are read, with the token of the last write and without, until `work` is done and the load has
   * gone round once more.
   */
  async function underLoad(readers: readonly Reader[], work: () => Promise<void>): Promise<void> {
    const problems: string[] = [];
    let done = false;
    let id = 0;
    const turn = async (): Promise<void> => {
      id = (id % COUNTERS) + 1;
      const mine = id;
      try {
        const written = await region.count(mine);
        const seen = await Promise.all(
          readers.flatMap((reader) => [reader.read(mine, written.token), reader.read(mine)]),
        );
        for (const [place, { value }] of seen.entries())
          if (place % 2 === 0 && value < written.value)
            problems.push(`counter ${mine} showed ${value} to who had seen ${written.value}`);
      } catch (error) {
        problems.push(String(error));
      }
    };
    const load = async (): Promise<void> => {
      let rounds = 0;
      while (!done || rounds < COUNTERS) {
        await turn();
        if (done) rounds += 1;
      }
    };
    const loads = [load(), load()];
    try {
      await work();
    } finally {
      done = true;
      await Promise.all(loads);
    }
    assert.deepEqual(problems, []);
    await region.agrees(readers);
  }

  it('stay warm when the server that holds the tail is replaced', async () => {
    const first = await region.serve();
    await until('it holds the tail', () => first.isHolder && first.isCaching, PATIENT);
    await warm(first);
    // What is to be shared may be dropped on a busy machine: what counts is that the rest outlives the server.
    let shared = 0;
    await until(
      'the shared cache has what it will get',
      async () => {
        const before = shared;
        shared = await sharedValues();
        return shared > COUNTERS / 2 && shared === before;
      },
      { ...PATIENT, everyMs: 500 },
    );
    await region.count(1);
    await first.close();
    await using second = await region.serve();
    await until('it holds the tail', () => second.isHolder && second.isCaching, PATIENT);
    await warm(second);
    assert.deepEqual(await second.lives('shared'), {});
    assert.ok(
      (await second.hits('shared')) >= shared - 1,
      `${await second.hits('shared')} of ${shared} values came from the shared cache`,
    );
    await region.agrees([second]);
  });

  it('cache without a Redis that is killed, and share values again when it is back', async () => {
    await using servers = await pair();
    const { holder, follower } = servers;
    await underLoad([holder, follower], async () => {
      await region.redis[Symbol.asyncDispose]();
      await until('the follower caches nothing', () => !follower.isCaching, PATIENT);
      assert.equal(holder.isCaching, true, 'the holder goes on alone');
      await warm(follower);
      await using late = await region.serve();
      await warm(late);
      assert.equal(late.isCaching, false, 'a server that starts without Redis serves without it');
      await region.startRedis();
      await until('the followers follow again', () => follower.isCaching && late.isCaching, PATIENT);
    });
    assert.deepEqual([(await holder.lives('shared'))['missing'], (await holder.lives('local'))['stream']], [1, 1]);
    const before = await follower.hits('shared');
    await warm(holder);
    await until(
      'the follower takes from the shared cache what the holder read',
      async () => {
        await region.count(1);
        await holder.read(1);
        await warm(follower);
        return (await follower.hits('shared')) > before;
      },
      PATIENT,
    );
  });

  it('begin a new generation in a Redis that was flushed', async () => {
    await using servers = await pair();
    const { holder, follower } = servers;
    await underLoad([holder, follower], async () => {
      const control = new Redis(region.redis.url);
      for (let round = 1; round <= 3; round += 1) {
        await control.flushall();
        await until('a new life began', async () => ((await holder.lives('shared'))['missing'] ?? 0) >= round, PATIENT);
      }
      control.disconnect();
    });
    assert.equal(follower.isCaching, true);
  });

  it('begin a new generation when the replication slot is dropped', async () => {
    await using servers = await pair();
    const { holder, follower } = servers;
    await warm(holder);
    await underLoad([holder, follower], async () => {
      await region.cluster.dropSlot(AWAY, 'meridian');
      await until(
        'somebody noticed',
        async () => Object.keys({ ...(await holder.lives('shared')), ...(await follower.lives('shared')) }).length > 0,
        PATIENT,
      );
      await until(
        'both cache again',
        () => holder.isCaching && follower.isCaching && (holder.isHolder || follower.isHolder),
        PATIENT,
      );
    });
  });

  it('begin a new generation when the replica was rebuilt', async () => {
    await using servers = await pair();
    const { holder, follower } = servers;
    await warm(holder);
    const { dataDir } = region.cluster.cluster.region(AWAY).postgres;
    await underLoad([holder, follower], async () => {
      await region.cluster.killPostgres(AWAY, 'SIGINT');
      // What a copy of the primary does not have.
      rmSync(join(dataDir, 'pg_replslot', 'meridian'), { recursive: true });
      await region.count(3);
      await region.cluster.startPostgres(AWAY);
      await until(
        'both cache again',
        () => holder.isCaching && follower.isCaching && (holder.isHolder || follower.isHolder),
        PATIENT,
      );
    });
    const lives = [await holder.lives('shared'), await follower.lives('shared')];
    assert.ok(
      lives.some((one) => 'gap' in one || 'outdated' in one),
      JSON.stringify(lives),
    );
  });

  it('are emptied in a server process that loses its subscription', async () => {
    await using servers = await pair();
    const { holder, follower } = servers;
    const control = new Redis(region.redis.url);
    await underLoad([follower], async () => {
      for (let round = 1; round <= 3; round += 1) {
        const begun = (await follower.lives('local'))['follow'] ?? 0;
        await control.client('KILL', 'TYPE', 'pubsub');
        await until(
          'it follows anew',
          async () => ((await follower.lives('local'))['follow'] ?? 0) > begun && follower.isCaching,
          PATIENT,
        );
      }
    });
    control.disconnect();
    assert.deepEqual([await holder.lives('local'), await follower.lives('shared')], [{ stream: 1 }, {}]);
  });

  it('are fed by another process when the slot holder is halted, and keep their values when it continues', async () => {
    await using halted = await region.spawn();
    await until('it answers from its own cache', async () => (await halted.read(1)).value >= 0, PATIENT);
    await using heir = await region.serve();
    await until('the heir follows', () => heir.isCaching && !heir.isHolder, PATIENT);
    await warm(halted);
    halted.signal('SIGSTOP');
    await region.count(2);
    // What its server does with it after wal_sender_timeout.
    await region.endStream();
    await until('the heir has the slot', () => heir.isHolder && heir.isCaching, PATIENT);
    await underLoad([heir], () => warm(heir));
    const lives = await heir.lives('shared');
    halted.signal('SIGCONT');
    await underLoad([heir, halted], () => warm(halted));
    assert.deepEqual(await heir.lives('shared'), lives, 'the one that woke up has not emptied the shared cache');
    assert.equal(heir.isHolder, true);
  });

  it('are fed by another process when the slot holder is killed under load', async () => {
    await using killed = await region.spawn();
    await warm(killed);
    await using heir = await region.serve();
    await until('the heir follows', () => heir.isCaching && !heir.isHolder, PATIENT);
    await underLoad([heir], async () => {
      killed.signal('SIGKILL');
      await until('the heir has the slot', () => heir.isHolder && heir.isCaching, PATIENT);
    });
  });

  it('are fed by one slot holder however often two processes compete for the slot', async () => {
    await using servers = await pair();
    const { holder: one, follower: two } = servers;
    await underLoad([one, two], async () => {
      for (let round = 0; round < 5; round += 1) {
        await region.endStream();
        await until('somebody has the slot', () => one.isHolder || two.isHolder, PATIENT);
        assert.ok(!(one.isHolder && two.isHolder));
      }
    });
    await until('both cache', () => one.isCaching && two.isCaching, PATIENT);
  });
});
