/**
 * Proves which tables every step invalidates after the schema changed: as long as they are not covered, and until
 * nothing of the change can be under way.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CommittedTransaction } from '../../../src/change/ports.ts';
import { type TableTag } from '../../../src/change/tags.ts';
import { Coverage, type CatalogLook, type CoverageSource } from '../../../src/cache/feed/coverage.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { lsn, PROJECTS, TASKS } from './fixtures.ts';

const { log } = silentTelemetry();
const DDL_OF_TASKS = '{"ddl":{"tables":["public.tasks"]}}';
const DDL_OF_ALL = '{"ddl":{"all":true}}';

interface Server {
  readonly coverage: Coverage;
  /** How often the catalog was read. */
  looks: number;
  /** What is not covered now. */
  uncovered: readonly TableTag[];
  altered: string;
  joined: string;
  /** Where the server stands. */
  at: number;
  oldest: bigint;
  down: boolean;
}

function server(): Server {
  const look = (): CatalogLook => ({
    uncovered: new Map(state.uncovered.map((table) => [table, 'it is hidden'])),
    altered: new Map([
      [TASKS, state.altered],
      [PROJECTS, '1'],
    ]),
    joined: new Map([
      [TASKS, state.joined],
      [PROJECTS, '1'],
    ]),
  });
  const first: CatalogLook = {
    uncovered: new Map(),
    altered: new Map([
      [TASKS, '1'],
      [PROJECTS, '1'],
    ]),
    joined: new Map([
      [TASKS, '1'],
      [PROJECTS, '1'],
    ]),
  };
  const source: CoverageSource = {
    tables: new Set([TASKS, PROJECTS]),
    first,
    look: async () => {
      state.looks += 1;
      if (state.down) throw new Error('the server is gone');
      return { ...look(), upTo: lsn(state.at), nextTransaction: 50n };
    },
    running: async () => ({ oldest: state.oldest, upTo: lsn(state.at) }),
  };
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => (nowMs += 1_000) };
  const state: Server = {
    coverage: new Coverage(source, log, clock),
    looks: 0,
    uncovered: [],
    altered: '1',
    joined: '1',
    at: 100,
    oldest: 0n,
    down: false,
  };
  return state;
}

const transaction = (at: number, ...messages: readonly string[]): CommittedTransaction => ({
  commitLsn: lsn(at),
  committedAtMs: 0,
  changes: [],
  messages,
});
const step = ({ coverage }: Server, at: number): readonly TableTag[] => coverage.step(lsn(at)).toSorted();

describe('the tables that each step of the stream invalidates', () => {
  it('are those that were altered before the stream began, until the stream has passed the position at which that was seen', async () => {
    const one = server();
    one.altered = '2';
    one.at = 120;
    await one.coverage.begin(lsn(100));
    assert.deepEqual([step(one, 110), step(one, 120), step(one, 121)], [[TASKS], [TASKS], []]);
  });

  it('are looked up only for schema changes of tables of which something is cached', async () => {
    const one = server();
    await one.coverage.before(transaction(101, '{"tags":["Task"]}', '{"ddl":{"tables":["public.nobodys"]}}'));
    assert.equal(one.looks, 0);
    await one.coverage.before(transaction(102, DDL_OF_TASKS));
    assert.deepEqual([one.looks, step(one, 102), step(one, 103)], [1, [TASKS], []]);
  });

  it('include a hidden table until a later change shows it again', async () => {
    const one = server();
    one.uncovered = [TASKS];
    await one.coverage.before(transaction(101, DDL_OF_ALL));
    assert.deepEqual([step(one, 101), step(one, 102), step(one, 103)], [[PROJECTS, TASKS], [TASKS], [TASKS]]);
    one.uncovered = [];
    await one.coverage.before(transaction(104, DDL_OF_TASKS));
    assert.deepEqual([step(one, 104), step(one, 105)], [[TASKS], []]);
  });

  it('include a table that is published again, until all transactions that began before have ended and the stream has passed them', async () => {
    const one = server();
    one.joined = '2';
    one.oldest = 49n;
    await one.coverage.before(transaction(101, DDL_OF_TASKS));
    for (const at of [101, 102, 103]) {
      assert.deepEqual(step(one, at), [TASKS]);
      await Promise.resolve();
    }
    one.oldest = 50n;
    one.at = 110;
    for (const at of [104, 109, 110]) {
      assert.deepEqual(step(one, at), [TASKS], String(at));
      await Promise.resolve();
    }
    assert.deepEqual(step(one, 111), []);
  });

  it('cannot be told while the server does not answer, and the transaction is not applied then', async () => {
    const one = server();
    one.down = true;
    await assert.rejects(one.coverage.before(transaction(101, DDL_OF_TASKS)), /gone/);
    await assert.rejects(one.coverage.begin(lsn(101)), /gone/);
    one.down = false;
    one.uncovered = [TASKS];
    await one.coverage.begin(lsn(100));
    step(one, 101);
    assert.deepEqual(step(one, 102), [TASKS]);
  });
});
