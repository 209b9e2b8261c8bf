/**
 * Proves that creating a slot on a replica does not delay the replica's replay, which the creation itself waits for.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { createSlot } from '../../src/postgres/wal/slot.ts';
import { until } from '../support/observe.ts';
import { startReplicaSet, type ReplicaSet } from '../support/replica-set.ts';

const SLOT = 'made_meanwhile';

/**
 * Makes a slot while replay is paused and the primary removes a row's old version, which a snapshot from before it
 * would still see. Whether replay then goes on.
 */
async function replayGoesOn(
  { primary, replicas }: ReplicaSet,
  make: (url: string, signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  const [replica] = replicas;
  assert.ok(replica);
  const goesOn = async (withinMs: number): Promise<boolean> => {
    const end = await primary.position();
    for (const until = performance.now() + withinMs; performance.now() < until; await sleep(20))
      if ((await replica.position()) >= end) return true;
    return false;
  };
  await primary.query('CREATE TABLE busy (id int PRIMARY KEY, n int)');
  await primary.query('INSERT INTO busy VALUES (1, 0)');
  assert.ok(await goesOn(10_000));
  await replica.query('SELECT pg_wal_replay_pause()');
  const givenUp = new AbortController();
  const making = make(replica.url, givenUp.signal).catch(() => undefined);
  await until('the slot is being made', async () => {
    const { length } = await replica.query(
      "SELECT FROM pg_stat_activity WHERE query ILIKE '%create%slot%' AND state = 'active' AND pid <> pg_backend_pid()",
    );
    return length > 0;
  });
  await primary.query('UPDATE busy SET n = n + 1');
  await primary.query('VACUUM busy');
  // With this commit, all of it is on the primary's disk, and sent.
  await primary.query('INSERT INTO busy VALUES (2, 0)');
  await replica.query('SELECT pg_wal_replay_resume()');
  const isFree = await goesOn(5_000);
  givenUp.abort();
  await making;
  return isFree;
}

async function madeBySelect(url: string, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // Its connection is ended from beside it.
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const end = async (): Promise<void> => {
    const beside = new pg.Client({ connectionString: url });
    await beside.connect();
    await beside.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await beside.end();
  };
  signal.addEventListener('abort', () => void end(), { once: true });
  await client.query(`SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`);
}

test('the snapshot of a SELECT that creates a slot on a replica blocks replay', async () => {
  await using set = await startReplicaSet(1, {});
  assert.equal(await replayGoesOn(set, madeBySelect), false);
});

test('a server that creates its slot on a replica does not block replay', async () => {
  await using set = await startReplicaSet(1, {});
  assert.equal(
    await replayGoesOn(set, (databaseUrl, signal) =>
      createSlot({ databaseUrl, slotName: SLOT, primaryUrl: null, connectMs: 5_000, slotCreateMs: 30_000, signal }),
    ),
    true,
  );
});
