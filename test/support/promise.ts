/**
 * Owns the promise as a client sees it: who writes in one region and looks in another, and whether they see what they
 * wrote.
 */
import assert from 'node:assert/strict';
import { AP, EU, WAN_DELAYS, startTestApp, type TestApp } from './app.ts';

export const RENAME =
  'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name version } token } }';
export const NAME = 'query($id: ID!) { user(id: $id) { name } }';

export interface Renamed {
  readonly updateUser: { readonly user: { readonly name: string; readonly version: number }; readonly token: string };
}

export interface Named {
  readonly user: { readonly name: string };
}

/**
 * Three regions as far apart as in life. A busy machine, on which twenty connections at once take their time, is no
 * primary that is away.
 */
export function startPromiseApp(): Promise<TestApp> {
  return startTestApp({ scale: 0.05, wan: WAN_DELAYS, settings: { connectMs: 10_000 } });
}

export async function rename(
  app: TestApp,
  region: string,
  { id, name }: { readonly id: number; readonly name: string },
): Promise<string> {
  const answer = await app.gql<Renamed>(region, RENAME, { variables: { id, name } });
  assert.deepEqual(answer.errors, []);
  assert.equal(answer.data?.updateUser.user.name, name);
  assert.equal(answer.token, answer.data?.updateUser.token);
  return answer.data?.updateUser.token ?? '';
}

export interface WritesSeen {
  readonly count: number;
  readonly withToken: boolean;
}

/** Twenty at a time, each on a user of its own. */
const LANES = 20;

/**
 * Writes `count` names in EU and reads each in AP at once; answers how many reads saw their write, and how many the
 * primary answered.
 */
export async function writesSeen(
  app: TestApp,
  { count, withToken }: WritesSeen,
): Promise<{ seen: number; primary: number }> {
  const tally = { seen: 0, primary: 0 };
  const lane = async (number: number): Promise<void> => {
    for (let i = 0; i < count / LANES; i += 1) {
      const name = `name ${number} ${i} ${withToken}`;
      const token = await rename(app, EU, { id: number + 1, name });
      const answer = await app.gql<Named>(AP, NAME, { variables: { id: number + 1 }, ...(withToken ? { token } : {}) });
      assert.deepEqual(answer.errors, []);
      if (answer.data?.user.name === name) tally.seen += 1;
      if (answer.consistency?.servedBy.primary) tally.primary += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  return tally;
}
