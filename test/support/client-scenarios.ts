/**
 * Owns what is asked of every client, whatever endpoint it asks: what was written in one region is there when it is
 * looked for in another.
 */
import assert from 'node:assert/strict';
import { type TokenStore } from '../../src/client/index.ts';
import { makeClient, type ClientName, type TestClient } from './clients.ts';

/** A piece of work with a value that nobody has written before. */
export interface Scenario {
  readonly write: (value: string) => Promise<void>;
  /** What is there, as one text for each thing that `write` wrote. */
  readonly read: () => Promise<readonly string[]>;
}

export interface Visit {
  readonly client: ClientName;
  /** One user's tokens; null: the client as it is by itself. */
  readonly store: TokenStore | null;
  /** GraphQL endpoints: of the region where a user writes, and of the one where they look. */
  readonly writeAt: string;
  readonly readAt: string;
}

export interface Tally {
  readonly right: number;
  readonly stale: number;
}

/**
 * Writes and reads `rounds` times. What is read is the value just written, or it is counted as stale; anything wrong
 * besides fails.
 */
export async function readOwnWrites(scenario: Scenario, rounds: number, name: string): Promise<Tally> {
  let right = 0;
  for (let round = 0; round < rounds; round += 1) {
    const value = `${name} ${round}`;
    await scenario.write(value);
    const found = await scenario.read();
    assert.ok(found.length > 0, 'nothing was read');
    if (found.every((one) => one === value)) right += 1;
  }
  return { right, stale: rounds - right };
}

type Renamed = { readonly updateUser: { readonly user: { readonly id: string; readonly name: string } } };
type Named = { readonly user: { readonly id: string; readonly name: string } };

export const RENAME =
  'mutation Rename($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { id name } } }';
export const NAME = 'query Name($id: ID!) { user(id: $id) { id name } }';

/** A user changes their name. */
export function userScenario({ client, store, writeAt, readAt }: Visit, id = '1'): Scenario {
  const [writer, reader] = [writeAt, readAt].map((url) => makeClient(client, { url, store })) as [
    TestClient,
    TestClient,
  ];
  return {
    async write(name) {
      const { data, codes } = await writer.mutate<Renamed>(RENAME, { id, name });
      assert.deepEqual([data?.updateUser.user.name, codes], [name, []]);
    },
    async read() {
      const { data, codes } = await reader.query<Named>(NAME, { id });
      assert.deepEqual(codes, []);
      return [data?.user.name ?? ''];
    },
  };
}

type Retitled = { readonly updateTask: { readonly task: { readonly id: string; readonly title: string } } };
type Both = { readonly user: Named['user']; readonly task: { readonly id: string; readonly title: string } };

export const RETITLE =
  'mutation Retitle($id: ID!, $title: String!) { updateTask(id: $id, input: { title: $title }) { task { id title } } }';
export const BOTH = 'query Both($user: ID!, $task: ID!) { user(id: $user) { id name } task(id: $task) { id title } }';

export interface GraphVisit extends Omit<Visit, 'writeAt'> {
  /** Gateways of the regions where the user's name is written, and a task's title. */
  readonly nameAt: string;
  readonly titleAt: string;
}

/**
 * A user changes their name in one subgraph and a task's title in another, through two regions' gateways, and looks at
 * both in one operation.
 */
export function graphScenario({ client, store, nameAt, titleAt, readAt }: GraphVisit, id: string): Scenario {
  const [renamer, retitler, reader] = [nameAt, titleAt, readAt].map((url) => makeClient(client, { url, store })) as [
    TestClient,
    TestClient,
    TestClient,
  ];
  return {
    async write(value) {
      const renamed = await renamer.mutate<Renamed>(RENAME, { id, name: value });
      assert.deepEqual([renamed.data?.updateUser.user.name, renamed.codes], [value, []]);
      const retitled = await retitler.mutate<Retitled>(RETITLE, { id, title: value });
      assert.deepEqual([retitled.data?.updateTask.task.title, retitled.codes], [value, []]);
    },
    async read() {
      const { data, codes } = await reader.query<Both>(BOTH, { user: id, task: id });
      assert.deepEqual(codes, []);
      return [data?.user.name ?? '', data?.task.title ?? ''];
    },
  };
}
