/** Tests of `@durable`: what is read of it, and where it has no meaning. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSdl, problemsOf } from '../../support/compile.ts';

const REST = `
  type Team @entity @key(fields: "id") { id: ID! name: String! }
  type Pay { team: Team token: ConsistencyToken! }
  input I { name: String! }`;

describe('@durable', () => {
  it('is read from mutations by directive and by resolver', async () => {
    const sdl = `${REST}
      type Mutation {
        plain(input: I!): Pay! @insert
        local(input: I!): Pay! @insert @durable(level: LOCAL)
        byHand: Pay! @durable(level: REMOTE_WRITE)
      }
      extend type Mutation { applied(id: ID!): Pay! @delete @durable(level: REMOTE_APPLY) }`;
    const { model, durabilities } = await compileSdl(sdl, { resolvers: { Mutation: { byHand: () => null } } });
    assert.deepEqual(
      [...model.mutations].map(([name, { durability }]) => [name, durability]),
      [
        ['plain', null],
        ['local', 'LOCAL'],
        ['applied', 'REMOTE_APPLY'],
      ],
    );
    assert.deepEqual([...durabilities].sort(), ['LOCAL', 'REMOTE_APPLY', 'REMOTE_WRITE']);
  });

  it('is refused anywhere but on a field of Mutation, also where a resolver serves it', async () => {
    const sdl = `${REST}
      interface Named { name: String! @durable(level: LOCAL) }
      type Query {
        team(id: ID!): Team
        byHand: Int @durable(level: REMOTE_APPLY)
      }
      type Odd { x: Int @durable(level: REMOTE_WRITE) }`;
    assert.deepEqual(await problemsOf(sdl, { resolvers: { Query: { byHand: () => 1 }, Odd: { x: () => 1 } } }), [
      'app.graphql:5  Named.name is no field of Mutation, so @durable has no meaning there; move it to the mutation that writes, or remove it',
      'app.graphql:8  Query.byHand is no field of Mutation, so @durable has no meaning there; move it to the mutation that writes, or remove it',
      'app.graphql:10  Odd.x is no field of Mutation, so @durable has no meaning there; move it to the mutation that writes, or remove it',
    ]);
  });

  it('takes one of three levels', async () => {
    for (const level of ['REMOTE', 'remote_apply', 'null']) {
      assert.deepEqual(
        await problemsOf(`${REST} type Mutation { add(input: I!): Pay! @insert @durable(level: ${level}) }`),
        [
          'app.graphql:4  Mutation.add is @durable with a level that there is not; use LOCAL, REMOTE_WRITE, REMOTE_APPLY',
        ],
      );
    }
    assert.match(
      (await problemsOf(`${REST} type Mutation { add(input: I!): Pay! @insert @durable }`)).join(),
      /"level"/,
    );
  });
});
