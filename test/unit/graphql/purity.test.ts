/**
 * Proves which queries have the same answer while their rows stay the same: those in which nothing of the application's
 * own is asked, in whatever way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildSchema, GraphQLScalarType, Kind, parse, type OperationDefinitionNode } from 'graphql';
import { Purity } from '../../../src/graphql/answers/purity.ts';

const SCHEMA = buildSchema(`
  directive @consistent on QUERY | FIELD
  scalar Moment
  interface Named { name: String }
  type Note implements Named { name: String loud: String at: Moment }
  type Task implements Named { name: String }
  type Sealed { name: String }
  union Found = Note | Task
  union Kept = Task | Sealed
  input Span { from: Moment name: String within: Span }
  type Query { since(at: Moment, span: Span): Task note: Note task: Task named: Named found: Found kept: Kept regionHealth: String }
  type Mutation { touch: String }
`);

/** As an application may give its resolvers: they need not be a plain object. */
class NoteResolvers {
  readonly loud = (): string => String(Math.random());
}

const purity = new Purity(SCHEMA, {
  user: {
    Note: new NoteResolvers() as never,
    Sealed: { __resolveReference: () => null },
    Moment: new GraphQLScalarType({ name: 'Moment' }),
  },
  adminFields: ['regionHealth'],
});

function isPure(text: string): boolean {
  const document = parse(text);
  return purity.isPure(
    document,
    document.definitions.find(
      (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
    ) as OperationDefinitionNode,
  );
}

for (const [text, expected] of [
  ['{ note { name __typename } task { name } }', true],
  ['{ note { at } }', false],
  ['{ since { name } }', true],
  ['{ since(at: "an hour ago") { name } }', false],
  ['{ since(span: { name: "a", within: { name: "b" } }) { name } }', true],
  ['{ since(span: { within: { from: "an hour ago" } }) { name } }', false],
  ['query ($name: String) { since(span: { name: $name }) { name } }', true],
  ['query ($at: Moment) { since(span: { from: $at }) { name } }', false],
  ['query ($span: [Span!]) { since { name } }', false],
  ['{ named { name } }', true],
  ['{ note { loud } }', false],
  ['{ note { a: loud } }', false],
  ['{ named { ... on Note { loud } } }', false],
  ['{ found { ... on Task { name } } }', true],
  ['{ found { ...Of } } fragment Of on Note { name ... { loud } }', false],
  ['{ kept { ... on Task { name } } }', false],
  ['{ task { name } regionHealth }', false],
  ['{ task @consistent { name } }', false],
  ['query @consistent { task { name } }', false],
  ['mutation { touch }', false],
  ['query A { task { name } } query B { note { loud } }', false],
] as const) {
  test(`${text} ${expected ? 'is' : 'is not'} a query of nothing but rows`, () => assert.equal(isPure(text), expected));
}
