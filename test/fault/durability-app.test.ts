/**
 * Proves `@durable` in a complete application: as a directive, in a resolver's transaction, and in the errors that
 * clients get when the cluster cannot provide the level.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { AP, EU, US, type Answer, type TestApp } from '../support/app.ts';
import { nameStandbys, startLedger } from '../support/ledger.ts';
import { until } from '../support/observe.ts';

const DURABILITY_MS = 600;

type Added = Readonly<Record<string, { readonly token: string; readonly level?: string }>>;

let app: TestApp;
let id = 0;
const next = (): number => (id += 1);
const add = (region: string, field: string, row: number, rest = ''): Promise<Answer<Added>> =>
  app.gql<Added>(region, `mutation { ${field}(id: ${row}${rest}) { token } }`);
const codes = ({ errors }: Answer<unknown>): string[] => errors.map(({ extensions }) => extensions.code);
const isThere = async (region: string, row: number): Promise<boolean> =>
  (await app.cluster.query(region, 'SELECT FROM lines WHERE id = $1', [row])).length === 1;

describe('a mutation with @durable', () => {
  before(async () => {
    app = await startLedger({ durabilityMs: DURABILITY_MS });
  });
  after(async () => app?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await app.cluster.resumeReplay(EU);
    await nameStandbys(app, '');
  });

  it('is refused where the cluster cannot provide the level, and other mutations are not', async () => {
    for (const region of [US, AP]) {
      for (const field of ['addApplied', 'addWritten', 'addByHand']) {
        const row = next();
        const answer = await add(region, field, row);
        assert.deepEqual(
          [codes(answer), answer.errors[0]?.extensions['retryable'], await isThere(US, row)],
          [['DURABILITY_UNAVAILABLE'], true, false],
          `${field} ${JSON.stringify(answer.errors)}`,
        );
      }
      for (const [field, rest] of [
        ['addPlain', ''],
        ['addLocal', ''],
        ['addByHand', ', local: true'],
      ] as const)
        assert.deepEqual(codes(await add(region, field, next(), rest)), [], field);
    }
  });

  it('is acknowledged when the synchronous region shows the write', async () => {
    await nameStandbys(app, '"eu-west-1"');
    for (let i = 0; i < 20; i += 1) {
      for (const field of ['addApplied', 'addByHand']) {
        const row = next();
        assert.deepEqual(codes(await add(AP, field, row)), []);
        assert.ok(await isThere(EU, row), field);
      }
    }
    const { data } = await app.gql<Added>(US, `mutation { addByHand(id: ${next()}) { level } }`);
    assert.equal(data?.['addByHand']?.level, 'remote_apply');
  });

  it('tells the client that the write is committed and unconfirmed, with a token that covers it', async () => {
    await nameStandbys(app, '"eu-west-1"');
    await app.cluster.pauseReplay(EU);
    assert.deepEqual(codes(await add(US, 'addWritten', next())), []);
    for (const field of ['addApplied', 'addByHand']) {
      const row = next();
      const answer = await add(AP, field, row);
      assert.deepEqual(
        [
          codes(answer),
          (answer.errors[0]?.extensions['details'] as { committed?: boolean } | undefined)?.committed,
          answer.errors[0]?.extensions['retryable'],
        ],
        [['DURABILITY_UNCONFIRMED'], true, false],
        JSON.stringify(answer.errors),
      );
      for (const region of [US, EU, AP]) {
        const read = await app.gql<{ line: { id: string } | null }>(region, `{ line(id: ${row}) { id } }`, {
          token: answer.token,
        });
        assert.deepEqual([read.errors, read.data], [[], { line: { id: String(row) } }], region);
      }
    }
    const row = next();
    const { layer } = app.server(US);
    const error = await layer
      .transaction((tx) => tx.query('INSERT INTO lines (id) VALUES ($1)', [row]), { durability: 'REMOTE_APPLY' })
      .then(
        () => null,
        (thrown: unknown) => thrown,
      );
    assert.ok(isMeridianError(error, 'DURABILITY_UNCONFIRMED'));
    const seen = await app
      .server(EU)
      .layer.read('SELECT id FROM lines WHERE id = $1', [row], { token: String(error.details['token']) });
    assert.equal(seen.rows.length, 1);
    await app.cluster.resumeReplay(EU);
    await until('the region shows it later', () => isThere(EU, row));
  });
});
