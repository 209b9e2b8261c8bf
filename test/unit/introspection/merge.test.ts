import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergePull } from '../../../src/introspection/merge.ts';

const one = (body: string): { name: string; body: string }[] => [{ name: 'a.graphql', body }];
const merged = (was: string, is: string, mine: string): string => {
  const { files } = mergePull({ base: one(was), pulled: one(is), files: one(mine) });
  return files.has('a.graphql') ? (files.get('a.graphql') ?? '') : mine;
};
const task = (...fields: readonly string[]): string =>
  `type Task @entity {\n${fields.map((field) => `  ${field}\n`).join('')}}\n`;

describe('pulling again', () => {
  const was = task('id: ID!', 'title: String', 'old: Int');
  const is = task('id: ID!', 'title: String!', 'size: Int');

  it('takes over what only the database has changed', () => {
    assert.equal(merged(was, is, was), is);
  });

  it('changes nothing where the database has not changed, however the file is laid out', () => {
    for (const mine of ['type Task @entity { id: ID! }\n', '# mine\n\n\n\ntype Task @entity {\n\n  id: ID!\n}\n', ''])
      assert.equal(merged(was, was, mine), mine);
  });

  it('keeps a comment behind a field, and fields that share a line with another', () => {
    assert.equal(
      merged(
        was,
        is,
        'type Task @entity {\n  id: ID! # the key\n  title: String # short\n  old: Int # used by a job\n}\n',
      ),
      'type Task @entity {\n  id: ID! # the key\n  title: String! # short\n  size: Int\n # used by a job\n}\n',
    );
    const inline = merged(was, is, 'type Task @entity { id: ID! title: String old: Int mine: Int @count(of: "X") }\n');
    assert.equal(
      inline.replace(/\s+/g, ' ').trim(),
      'type Task @entity { id: ID! title: String! size: Int mine: Int @count(of: "X") }',
    );
  });

  it('leaves a field that was taken out, moved to another file or renamed where its author has it', () => {
    const mine = [
      { name: 'a.graphql', body: 'type Task @entity {\n  id: ID!\n}\n' },
      { name: 'b.graphql', body: 'extend type Task {\n  title: String\n}\n' },
    ];
    const { files } = mergePull({ base: one(was), pulled: one(is), files: mine });
    assert.deepEqual(
      [...files],
      [
        ['a.graphql', 'type Task @entity {\n  id: ID!\n  size: Int\n}\n'],
        ['b.graphql', 'extend type Task {\n  title: String!\n}\n'],
      ],
    );
  });

  it('keeps what both have changed as its author wrote it, and says what the database says', () => {
    assert.equal(
      merged(was, is, task('id: ID!', 'title: ID', 'old: BigInt')),
      task(
        'id: ID!',
        '# pull: the database says now: title: String!',
        'title: ID',
        'size: Int',
        '# pull: what it shows is gone from the database.',
        'old: BigInt',
      ),
    );
  });
});
