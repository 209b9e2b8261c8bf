/** Owns the proof that a region's Redis is reached as its URLs say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { isMeridianError } from '../../../src/base/errors.ts';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { closeRedis, openRedis } from '../../../src/redis/connect.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';

const { log } = silentTelemetry();

function optionsFor(url: string, redisMode: Options['redisMode']): RedisOptions {
  const redis = openRedis(
    { url, options: defaultOptions({ redisMode, redisMaster: 'eu' }), log },
    { lazyConnect: true },
  );
  closeRedis(redis);
  assert.ok(redis instanceof Redis);
  return redis.options;
}

describe('a connection to Redis', () => {
  it('goes to the server of its URL', () => {
    const { host, port, username, password, db, tls, enableOfflineQueue } = optionsFor(
      'redis://us%40er:p%2Cw@cache.example:7000/3',
      'standalone',
    );
    assert.deepEqual(
      { host, port, username, password, db, tls, enableOfflineQueue },
      {
        host: 'cache.example',
        port: 7000,
        username: 'us@er',
        password: 'p,w',
        db: 3,
        tls: undefined,
        enableOfflineQueue: false,
      },
    );
    const secure = optionsFor('rediss://[::1]', 'standalone');
    assert.deepEqual([secure.host, secure.port, secure.tls], ['::1', 6_379, {}]);
  });

  it('asks the Sentinels of its URLs for the master', () => {
    const { sentinels, name, password, sentinelPassword, enableTLSForSentinelMode } = optionsFor(
      'redis://:data@one, redis://two:5?x',
      'sentinel',
    );
    assert.deepEqual(
      { sentinels, name, password, sentinelPassword, enableTLSForSentinelMode },
      {
        sentinels: [
          { host: 'one', port: 26_379 },
          { host: 'two', port: 5 },
        ],
        name: 'eu',
        password: 'data',
        sentinelPassword: undefined,
        enableTLSForSentinelMode: false,
      },
    );
    assert.equal(optionsFor('rediss://:data@one?sentinelPassword=guard', 'sentinel').sentinelPassword, 'guard');
  });

  it('goes to the nodes of a Cluster', () => {
    const cluster = openRedis(
      { url: 'redis://one,redis://two:7', options: defaultOptions({ redisMode: 'cluster' }), log },
      { lazyConnect: true },
    );
    assert.ok(cluster instanceof Cluster);
    closeRedis(cluster);
  });

  it('is refused where one server is meant and several are named', () => {
    assert.throws(
      () => optionsFor('redis://one,redis://two', 'standalone'),
      (error) => isMeridianError(error, 'CONFIG_INVALID') && /names 2 servers.*redisMode/.test(error.message),
    );
  });
});
