/** Owns the proof that deep operations are refused, however they are written, and that the check itself stays cheap. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildSchema, parse, validate } from 'graphql';
import { depthLimit } from '../../../src/server/depth.ts';

const schema = buildSchema('type Query { node: Node } type Node { id: ID! child: Node }');
const refused = (query: string, limit: number): string[] =>
  validate(schema, parse(query), [depthLimit(limit)]).map(({ message }) => message);

describe('the depth limit', () => {
  it('counts fields from the root', () => {
    assert.deepEqual(refused('{ node { child { id } } }', 3), []);
    assert.deepEqual(refused('{ node { child { id } } }', 2), [
      'The operation is 3 fields deep and the limit is 2; ask for less at once, or raise maxQueryDepth.',
    ]);
  });

  it('counts fields in fragments', () => {
    assert.equal(
      refused('{ node { ...A } } fragment A on Node { child { ... on Node { child { id } } } }', 3).length,
      1,
    );
    assert.equal(
      refused('{ node { ...A } } fragment A on Node { child { ... on Node { child { id } } } }', 4).length,
      0,
    );
  });

  it('does not count introspection', () => {
    assert.deepEqual(refused('{ __schema { types { fields { type { ofType { name } } } } } }', 1), []);
    assert.deepEqual(refused('{ node { __typename } }', 1), []);
  });

  it('ends on circular fragments, and is fast on fragments that multiply', () => {
    refused('{ node { ...A } } fragment A on Node { child { ...A } }', 5);
    const levels = Array.from(
      { length: 24 },
      (_, i) => `fragment F${i} on Node { a: child { ...F${i + 1} } b: child { ...F${i + 1} } }`,
    );
    const startedMs = performance.now();
    assert.equal(refused(`{ node { ...F0 } } ${levels.join(' ')} fragment F24 on Node { id }`, 15).length, 1);
    assert.ok(performance.now() - startedMs < 20_000);
  });
});
