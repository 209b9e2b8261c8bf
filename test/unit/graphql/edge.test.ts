/**
 * Proves the edge where a gateway speaks for the client: what it has seen is a floor and no token, and its level header
 * stands for a lost directive.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildSchema, parse, type OperationDefinitionNode } from 'graphql';
import { isMeridianError } from '../../../src/base/errors.ts';
import { type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { readLevel } from '../../../src/consistency/level-text.ts';
import { decideAtEdge, type EdgeDecision, type EdgeInput } from '../../../src/graphql/edge.ts';

const schema = buildSchema(`
  directive @consistent(level: ConsistencyLevel, maxLagMs: Int) on QUERY | MUTATION | FIELD
  enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT }
  type Query { user: User }
  type Mutation { rename: User }
  type User { friend: User }
`);
const SEEN: Position = { cluster: 'AAAAAAAA' as ClusterId, timeline: 1, lsn: toLsn(7n) };

interface Case extends Partial<Omit<EdgeInput, 'asked'>> {
  readonly header?: string;
}

function decided(query: string, { header, ...input }: Case = {}): EdgeDecision {
  const document = parse(query);
  const floor = input.floor ?? null;
  return decideAtEdge({
    schema,
    document,
    operation: document.definitions[0] as OperationDefinitionNode,
    variables: {},
    headerPresent: input.hasToken ?? false,
    floor,
    hasToken: floor !== null,
    defaultMaxLagMs: 1_000,
    ...input,
    asked: readLevel(header),
  });
}

describe('the edge behind a gateway', () => {
  it('reads from the position that the gateway has seen, without @consistent', () => {
    const { root, wantsExtensions } = decided('{ user { friend { friend { __typename } } } }', {
      floor: SEEN,
      hasToken: false,
    });
    assert.deepEqual([root, wantsExtensions], [{ level: 'SESSION', floor: SEEN, maxLagMs: null }, false]);
  });

  it('takes a bare @consistent for STRONG unless the client itself has a token, however much the gateway has seen', () => {
    const strong = { level: 'STRONG', floor: SEEN, maxLagMs: null };
    assert.deepEqual(
      decided('query @consistent { user { __typename } }', { floor: SEEN, hasToken: false }).root,
      strong,
    );
    assert.deepEqual(
      [...decided('{ user @consistent { __typename } }', { floor: SEEN, hasToken: false }).fields.values()],
      [strong],
    );
    assert.deepEqual(
      decided('{ user { __typename } }', { floor: SEEN, hasToken: false, header: 'DEFAULT' }).root,
      strong,
    );
    for (const query of ['query @consistent { user { __typename } }', '{ user { __typename } }']) {
      assert.deepEqual(decided(query, { floor: SEEN, hasToken: true, header: 'DEFAULT' }).root, {
        ...strong,
        level: 'SESSION',
      });
    }
  });

  it('takes a snapshot for one of now unless the client itself has a token: the gateway may have seen what is old', () => {
    const now = { level: 'SNAPSHOT', floor: SEEN, maxLagMs: null, wantsIndex: true };
    assert.deepEqual(
      decided('{ user { __typename } }', { floor: SEEN, hasToken: false, header: 'SNAPSHOT' }).root,
      now,
    );
    assert.deepEqual(
      [
        ...decided('{ user @consistent(level: SNAPSHOT) { __typename } }', {
          floor: SEEN,
          hasToken: false,
        }).fields.values(),
      ],
      [now],
    );
    assert.deepEqual(decided('{ user { __typename } }', { header: 'SNAPSHOT' }).root, {
      level: 'SNAPSHOT',
      floor: null,
      maxLagMs: null,
    });
  });

  it('takes the level header for a @consistent on the operation, whose report it asks for', () => {
    const query = '{ user { __typename } }';
    for (const level of ['SESSION', 'STRONG', 'SNAPSHOT'] as const) {
      const { root, wantsExtensions } = decided(query, { floor: SEEN, header: level });
      assert.deepEqual([root, wantsExtensions], [{ level, floor: SEEN, maxLagMs: null }, true]);
    }
    assert.deepEqual(decided(query, { floor: SEEN, header: 'EVENTUAL' }).root, {
      level: 'EVENTUAL',
      floor: null,
      maxLagMs: null,
    });
    assert.deepEqual(decided(query, { floor: SEEN, header: 'BOUNDED' }).root, {
      level: 'BOUNDED',
      floor: SEEN,
      maxLagMs: 1_000,
    });
    assert.deepEqual(decided(query, { header: 'BOUNDED; maxLagMs=5' }).root, {
      level: 'BOUNDED',
      floor: null,
      maxLagMs: 5,
    });
  });

  it('follows directives that come along with the header', () => {
    const { root, fields } = decided(
      'query @consistent(level: SESSION) { user @consistent(level: EVENTUAL) { __typename } }',
      { floor: SEEN, header: 'STRONG' },
    );
    assert.deepEqual([root.level, [...fields.values()].map(({ level }) => level)], ['SESSION', ['EVENTUAL']]);
  });

  it('refuses a bound for a level that takes none, as the directive does', () => {
    for (const header of ['STRONG; maxLagMs=5', 'DEFAULT; maxLagMs=5']) {
      assert.throws(
        () => decided('{ user { __typename } }', { header }),
        (error) => isMeridianError(error, 'BAD_USER_INPUT'),
        header,
      );
    }
  });
});
