/**
 * Proves for requests that are sent repeatedly while the process that serves them is killed: they take place once, and
 * every attempt gets the same answer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { AP, EU, US, type Answer } from '../support/app.ts';
import { seeded } from '../support/random.ts';
import { startProcesses, type RegionProcesses } from '../support/region-processes.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const REGIONS = [US, EU, AP] as const;
const FIRES = 50;
const ROUNDS = Number(process.env['ROUNDS'] ?? 4);
const PATIENCE_MS = 30_000;

let app: RegionProcesses;

/** As a phone does: again after every failure that may be over, with the same key, until somebody answers. */
async function persist(region: string, key: string, query: string): Promise<Answer<unknown>> {
  for (const until = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    try {
      const answer = await app.gql<unknown>(region, query, { headers: { 'idempotency-key': key } });
      const again = answer.errors.some(({ extensions }) => extensions['retryable'] === true);
      if (!again || performance.now() > until) return answer;
    } catch (error) {
      // The server that was asked is the one that was killed.
      if (performance.now() > until) throw error;
    }
  }
}

const told = ({ data, errors }: Answer<unknown>): string =>
  JSON.stringify([data, errors.map(({ extensions }) => extensions.code)]);

describe(`one request, sent ${FIRES} times from three regions (SEED=${SEED})`, { timeout: 240_000 }, () => {
  before(async () => {
    app = await startProcesses({
      application: 'payments',
      wan: { 'us-east-1/eu-west-1': 20, 'us-east-1/ap-northeast-1': 40, 'eu-west-1/ap-northeast-1': 50 },
    });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const random = seeded(SEED);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const victim = round % 2 === 1 ? US : (REGIONS[random.below(3)] ?? US);
    const afterMs = random.below(150);
    it(`takes place once although the server of ${victim} is killed after ${afterMs} ms (round ${round})`, async () => {
      const [pay, transfer] = [`pay ${SEED} ${round}`, `transfer ${SEED} ${round}`];
      const before =
        (await app.cluster.query<{ cents: number }>(US, 'SELECT cents FROM accounts WHERE id = 2'))[0]?.cents ?? 0;
      const fired = Array.from({ length: FIRES }, async (_, n) => {
        const region = REGIONS[n % 3] ?? US;
        await sleep(random.below(100));
        return Promise.all([
          persist(
            region,
            pay,
            `mutation { pay(input: { reference: "round ${round}", cents: 100 }) { payment { id reference cents } } }`,
          ),
          persist(region, transfer, 'mutation { transfer(from: 1, to: 2, cents: 100) { fromCents toCents } }'),
        ]);
      });
      const killed = (async () => {
        await sleep(afterMs);
        app.kill(victim);
        await sleep(500);
        await app.start(victim);
      })();
      const answers = await Promise.all(fired);
      await killed;
      for (const kind of [0, 1] as const) {
        const all = new Set(answers.map((both) => told(both[kind])));
        assert.equal(all.size, 1, [...all].join('\n'));
        assert.doesNotMatch([...all][0] ?? '', /null|_/, 'an answer, no error');
      }
      assert.deepEqual(
        await app.cluster.query(US, `SELECT count(*)::int AS n FROM payments WHERE reference = 'round ${round}'`),
        [{ n: 1 }],
      );
      assert.deepEqual(await app.cluster.query(US, 'SELECT cents FROM accounts WHERE id = 2'), [
        { cents: before + 100 },
      ]);
    });
  }
});
