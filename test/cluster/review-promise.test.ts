/** Proves that nothing is claimed which is not kept: levels on fields that read nothing, observations that came with an error, clocks that jump. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, US, type TestApp } from '../support/app.ts';

type Named = { readonly name: string };

describe('what is claimed is kept', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ scale: 0.1, settings: { heartbeatMs: 200 } });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('refuses a level on a column, which comes with its row; a field with reads of its own takes it', async () => {
    const queries = [
      '{ user(id: 1) { name @consistent(level: STRONG) } }',
      '{ user(id: 1) { ...F } } fragment F on User { organization { name @consistent(level: STRONG) } }',
    ];
    for (const query of queries) {
      const answer = await app.gql(AP, query);
      assert.deepEqual([answer.status, answer.data, answer.errors.map(({ extensions }) => extensions.code)], [200, null, ['BAD_USER_INPUT']], query);
      assert.match(answer.errors[0]?.message ?? '', /@consistent on (User|Organization)\.name .* Put the directive on the field that reads the row/);
    }
    for (const query of ['{ dashboard(organizationId: 1) { openTasks @consistent(level: STRONG) } }', '{ task(id: 1) { comments { totalCount @consistent(level: STRONG) } } }']) {
      assert.deepEqual((await app.gql(AP, query)).errors, [], query);
    }
  });

  it('covers with the token what a refused write has told: that the row is there', async () => {
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      await app.cluster.query(US, `UPDATE users SET email = 'taken@example.org' WHERE id = 1`);
      const refused = await app.gql(AP, 'mutation { updateUser(id: 2, input: { email: "taken@example.org" }) { token } }');
      assert.deepEqual(refused.errors.map(({ extensions }) => extensions.code), ['CONSTRAINT_VIOLATION']);
      const look = await app.gql<{ userByEmail: Named | null }>(AP, '{ userByEmail(email: "taken@example.org") { name } }', { token: refused.token ?? '' });
      assert.deepEqual(look.errors, []);
      assert.notEqual(look.data?.userByEmail, null, 'the email is taken, and nobody has it');
    } finally {
      await app.cluster.resumeReplay(AP);
    }
  });
});
