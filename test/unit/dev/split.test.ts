import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lineAt, splitScript } from '../../../src/dev/sql/split.ts';

const kinds = (script: string): string[] => [...splitScript(script)].map(({ kind, text }) => `${kind}: ${text.trim()}`);

describe('reading SQL scripts as psql does', () => {
  it('sends plain statements together, wherever semicolons stand', () => {
    const script = `-- a; comment\nSELECT 'it''s; fine', E'back\\'slash;', "odd;name", $tag$ body; $$ ; $tag$ /* nested; /* ; */ */;\nSELECT (1;2);`;
    assert.deepEqual(kinds(script), [`statements: ${script}`]);
  });

  it('keeps a routine with a body of statements whole', () => {
    const script =
      'CREATE OR REPLACE FUNCTION f(n int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN n > 0 THEN 1 END; SELECT 2; END; VACUUM t;';
    assert.deepEqual(kinds(script), [
      'statements: CREATE OR REPLACE FUNCTION f(n int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN n > 0 THEN 1 END; SELECT 2; END;',
      'alone: VACUUM t;',
    ]);
  });

  it("takes the data out of a dump's COPY", () => {
    const [copy, after] = [...splitScript("COPY public.t (a, b) FROM stdin;\n1\tit's; here\n2\t\\N\n\\.\n\nSELECT 1;")];
    assert.deepEqual(copy, {
      kind: 'copy',
      text: 'COPY public.t (a, b) FROM stdin;',
      data: "1\tit's; here\n2\t\\N\n",
      offset: 0,
    });
    assert.equal(after?.text.trim(), 'SELECT 1;');
  });

  it("skips what is about databases, and commands of psql's that change nothing", () => {
    const script =
      '\\restrict x\nDROP DATABASE IF EXISTS chinook;\nCREATE DATABASE chinook;\n\\c chinook;\n\\set ON_ERROR_STOP on\nSELECT 1;';
    assert.deepEqual(kinds(script), [
      'skipped: DROP DATABASE IF EXISTS chinook;',
      'skipped: CREATE DATABASE chinook;',
      'skipped: \\c chinook;',
      'statements: SELECT 1;',
    ]);
  });

  it('sends alone what PostgreSQL refuses inside a transaction', () => {
    assert.deepEqual(kinds('SELECT 1; CREATE INDEX CONCURRENTLY i ON t (a); SELECT 2'), [
      'statements: SELECT 1;',
      'alone: CREATE INDEX CONCURRENTLY i ON t (a);',
      'statements: SELECT 2',
    ]);
  });

  it("refuses a command of psql's that it does not know, and says where", () => {
    assert.throws(() => kinds('SELECT 1;\n\\i more.sql\n'), { command: 'i', offset: 10 });
  });

  it('splits a large file into pieces that put together are the file', () => {
    const script = Array.from({ length: 20_000 }, (_, i) => `INSERT INTO t VALUES (${i}, 'row;${i}');`).join('\n');
    const pieces = [...splitScript(script)];
    assert.ok(pieces.length > 1);
    assert.equal(pieces.map(({ text }) => text).join(''), script);
  });

  it('counts lines from one', () => {
    assert.deepEqual([lineAt('a\nb\nc', 0), lineAt('a\nb\nc', 2), lineAt('a\nb\nc', 4)], [1, 2, 3]);
  });
});
