/**
 * Proves that operations that ask for too much, and representations of no entity, are refused with a code and do no
 * harm.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

const MAX_PREPARED = 15;

describe('operations that ask for too much', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { poolSize: 1, poolWarm: 1, maxPrepared: MAX_PREPARED } });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const refused = async (query: string): Promise<void> => {
    const { value, statements } = await counting(app, AP, () => app.gql(AP, query));
    const { status, errors, data } = value;
    assert.deepEqual(
      [status, data, errors.map(({ extensions }) => extensions.code), statements],
      [200, null, ['BAD_USER_INPUT'], 0],
    );
  };

  it('are refused before any read if their nested pages multiply', () =>
    refused(
      '{ organizations(first: 200) { nodes { projects(first: 200) { nodes { tasks(first: 200) { nodes { id comments(first: 200) { nodes { body } } } } } } } } }',
    ));

  it('are refused if they select many fields of many rows', () =>
    refused(
      `{ organizations(first: 200) { nodes { users(first: 200) { nodes { ${Array.from({ length: 50 }, (_, i) => `a${i}: name`).join(' ')} } } } } }`,
    ));

  it('are refused as a whole if they have too many mutations', () =>
    refused(
      `mutation { ${Array.from({ length: 51 }, (_, i) => `a${i}: updateUser(id: 1, input: { name: "x" }) { token }`).join(' ')} }`,
    ));

  it('do not include the usual operations of dashboards and lists', async () => {
    const { errors } = await app.gql(
      AP,
      '{ organizations(first: 20) { nodes { name projects(first: 20) { nodes { name owner { name } tasks(first: 20) { nodes { id title status assignee { id name } } } } } } } }',
    );
    assert.deepEqual(errors, []);
  });

  it('get an error in place of each invalid representation, and no data for it', async () => {
    const representations = [
      { __typename: 'Nope', id: '1' },
      { __typename: 'Task', id: '1' },
      5,
      'Task',
      { id: '1' },
      { __typename: ['Task'], id: '1' },
      { __typename: 'Query' },
      { __typename: 'Int' },
      { __typename: 'constructor' },
    ];
    const { data, errors } = await app.gql<{ _entities: unknown[] }>(
      AP,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Task { id } } }',
      { variables: { r: representations } },
    );
    assert.deepEqual(
      data?._entities,
      representations.map((_, i) => (i === 1 ? { id: '1' } : null)),
    );
    assert.equal(errors.length, representations.length - 1);
    for (const { message, extensions } of errors) {
      assert.equal(extensions.code, 'BAD_USER_INPUT');
      assert.doesNotMatch(message, /organization_id|project_id|title/);
    }
  });

  it('leave no more prepared statements than a connection may hold', async () => {
    const prepared = async (): Promise<number> =>
      Number((await app.server(AP).layer.read('SELECT count(*) FROM pg_prepared_statements')).rows[0]?.['count']);
    const before = await prepared();
    for (const negated of [false, true]) {
      for (const operator of ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'contains', 'startsWith', 'endsWith']) {
        for (const way of ['first', 'last']) {
          const { errors } = await app.gql(
            AP,
            `{ project(id: 1) { tasks(${way}: 1, filter: { ${negated ? 'not: { ' : ''}title: { ${operator}: "a" } ${negated ? '}' : ''} }) { nodes { id } } } }`,
          );
          assert.deepEqual(errors, [], operator);
        }
      }
    }
    assert.ok(before < MAX_PREPARED);
    assert.equal(await prepared(), MAX_PREPARED);
  });
});
