/**
 * Proves that a write that was acknowledged with REMOTE_APPLY survives the loss of the primary, and that one with LOCAL
 * does not.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AP, EU, US, type Answer, type TestApp } from '../support/app.ts';
import { nameStandbys, startLedger } from '../support/ledger.ts';
import { until } from '../support/observe.ts';

const ACKNOWLEDGED = 300;
const WRITERS = 8;

type Added = Readonly<Record<string, { readonly token: string }>>;

const SETTINGS = { heartbeatMs: 200, maxWaitMs: 500, connectMs: 600 };
const add = (app: TestApp, region: string, field: string, id: number): Promise<Answer<Added>> =>
  app.gql<Added>(region, `mutation { ${field}(id: ${id}) { token } }`);
const shown = async (app: TestApp, region: string): Promise<ReadonlySet<number>> =>
  new Set((await app.cluster.query<{ id: string }>(region, 'SELECT id::text FROM lines')).map(({ id }) => Number(id)));

describe('the loss of the primary', () => {
  it('loses no write that was acknowledged with REMOTE_APPLY, also when the loss comes under load', async () => {
    await using app = await startLedger(SETTINGS);
    await nameStandbys(app, '"eu-west-1"');
    const acknowledged: number[] = [];
    const codes = new Set<string>();
    let id = 0;
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, async (_, i) => {
      while (!isOver) {
        const row = (id += 1);
        const { errors } = await add(app, i % 2 === 0 ? US : AP, 'addApplied', row);
        if (errors.length === 0) acknowledged.push(row);
        for (const { extensions } of errors) codes.add(extensions.code);
      }
    });
    try {
      await until(`${ACKNOWLEDGED} writes are acknowledged`, () => acknowledged.length >= ACKNOWLEDGED, {
        withinMs: 60_000,
      });
      await app.cluster.killPostgres(US);
      await until('writers notice', () => codes.size > 0, { withinMs: 15_000 });
    } finally {
      isOver = true;
      await Promise.all(writers);
    }
    await app.cluster.promote(EU);
    const survived = await shown(app, EU);
    assert.deepEqual(
      acknowledged.filter((row) => !survived.has(row)),
      [],
      `of ${acknowledged.length} acknowledged writes`,
    );
    // Whoever was not answered was told so, and never that it is done.
    for (const code of codes)
      assert.ok(
        [
          'WRITE_OUTCOME_UNKNOWN',
          'PRIMARY_UNAVAILABLE',
          'DURABILITY_UNCONFIRMED',
          'DURABILITY_UNAVAILABLE',
          'CONSISTENCY_TIMEOUT',
        ].includes(code),
        code,
      );
    // The new primary has nobody to confirm yet: it says so instead of pretending.
    await until(
      'writes go to the new primary',
      async () => (await add(app, EU, 'addLocal', (id += 1))).errors.length === 0,
      { withinMs: 15_000 },
    );
    assert.deepEqual(
      (await add(app, EU, 'addApplied', (id += 1))).errors.map(({ extensions }) => extensions.code),
      ['DURABILITY_UNAVAILABLE'],
    );
  });

  it('loses a write that was acknowledged with LOCAL and not replicated, and its token reports the loss', async () => {
    await using app = await startLedger(SETTINGS);
    const before = await add(app, US, 'addLocal', 1);
    await app.cluster.caughtUp();
    await app.cluster.cut(US, EU, 'replication');
    await app.cluster.cut(US, AP, 'replication');
    const acknowledged: number[] = [];
    let lost: string | null = null;
    for (let row = 2; row < 2 + ACKNOWLEDGED; row += 1) {
      const answer = await add(app, US, 'addLocal', row);
      assert.deepEqual(answer.errors, []);
      acknowledged.push(row);
      lost = answer.token;
    }
    await app.cluster.killPostgres(US);
    await app.cluster.promote(EU);
    const survived = await shown(app, EU);
    assert.deepEqual([survived.has(1), acknowledged.filter((row) => survived.has(row)).length], [true, 0]);
    const read = (token: string | null) =>
      app.gql<{ line: { id: string } | null }>(EU, '{ line(id: 2) { id } }', { token });
    await until('the loss is told', async () => (await read(lost)).errors[0]?.extensions.code === 'CONSISTENCY_LOST', {
      withinMs: 15_000,
    });
    assert.deepEqual([(await read(before.token)).errors, (await read(before.token)).data], [[], { line: null }]);
  });
});
