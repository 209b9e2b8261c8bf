/** Tests of the driver's edge: values, arrays, connection URLs and error sentences, without a server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode } from '../../../src/base/errors.ts';
import { isConflict, isConnectionFailure, toMeridianError } from '../../../src/postgres/connect/errors.ts';
import { parseArray } from '../../../src/postgres/types/arrays.ts';
import { parseTimestamp, parseTimestamptz, TypeParsers } from '../../../src/postgres/types/types.ts';

describe('arrays', () => {
  const text = (value: string): unknown => parseArray(value, (element) => element);
  it('are read with plain, quoted, nested and null elements', () => {
    assert.deepEqual(text('{}'), []);
    assert.deepEqual(text('{a,b}'), ['a', 'b']);
    assert.deepEqual(text('{NULL,"NULL",null}'), [null, 'NULL', 'null']);
    assert.deepEqual(text('{"a b","c,d","{e}","\\"f\\"","g\\\\h",""}'), ['a b', 'c,d', '{e}', '"f"', 'g\\h', '']);
    assert.deepEqual(text('{{a,b},{c,NULL}}'), [
      ['a', 'b'],
      ['c', null],
    ]);
    assert.deepEqual(text('[0:1]={a,b}'), ['a', 'b']);
    assert.deepEqual(text('[-1:0][2:2]={{a},{b}}'), [['a'], ['b']]);
  });
  it('are refused where the text is no array', () => {
    for (const broken of ['', '{', '}', 'a', '{a', '{a}b', '{,}', '{a,}', '{"a}', '{a}{b}'])
      assert.throws(() => text(broken), SyntaxError, broken);
  });
});

describe('values', () => {
  const parse = (oid: number, value: string): unknown => new TypeParsers().getTypeParser(oid)(value);
  it('keep what a number cannot hold', () => {
    assert.equal(parse(20, '9223372036854775807'), '9223372036854775807');
    assert.equal(parse(1700, '0.10000000000000000000001'), '0.10000000000000000000001');
    assert.equal(parse(23, '-5'), -5);
    assert.equal(parse(701, '1e-3'), 0.001);
    assert.equal(parse(16, 't'), true);
    assert.equal(parse(16, 'f'), false);
    assert.deepEqual(parse(3802, '{"a":[1,null]}'), { a: [1, null] });
    assert.deepEqual(parse(1016, '{1,NULL,9007199254740993}'), ['1', null, '9007199254740993']);
    assert.deepEqual(parse(1231, '{1.10,NaN}'), ['1.10', 'NaN']);
    assert.deepEqual(parse(3807, '{"{\\"a\\": 1}",NULL}'), [{ a: 1 }, null]);
    assert.equal(parse(99_999, "an enum's label"), "an enum's label");
  });
  it('keep microseconds, and what ISO 8601 has no year for', () => {
    assert.equal(parseTimestamptz('2026-01-31 12:00:00.123456+00'), '2026-01-31T12:00:00.123456Z');
    assert.equal(parseTimestamptz('2026-01-31 12:00:00+00'), '2026-01-31T12:00:00Z');
    assert.equal(parseTimestamp('2026-01-31 12:00:00.5'), '2026-01-31T12:00:00.5');
    for (const text of ['infinity', '-infinity', '0044-03-15 12:00:00+00 BC', '10000-01-01 00:00:00+00'])
      assert.equal(parseTimestamptz(text), text);
  });
  it('of array types that an application made are read as their elements are', () => {
    const types = new TypeParsers();
    types.learn([
      { array: 20_001, element: 20_000 },
      { array: 20_011, element: 23 },
    ]);
    assert.deepEqual(types.getTypeParser(20_001)('{TODO,DONE}'), ['TODO', 'DONE']);
    assert.deepEqual(types.getTypeParser(20_011)('{1,2}'), [1, 2]);
  });
});

describe('errors', () => {
  const server = (code: string, rest: object = {}): Error =>
    Object.assign(new Error('relation "secret" says no'), { code, severity: 'ERROR', ...rest });
  const socket = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });
  const cases: readonly (readonly [string, Error, ErrorCode])[] = [
    ['a refused connection', socket('ECONNREFUSED'), 'REGION_UNAVAILABLE'],
    ['a broken one', new Error('Connection terminated unexpectedly'), 'REGION_UNAVAILABLE'],
    ['a server that starts', server('57P03'), 'REGION_UNAVAILABLE'],
    ['a server that stops', server('57P01'), 'REGION_UNAVAILABLE'],
    [
      'every address refused',
      new AggregateError([socket('ECONNREFUSED'), socket('ECONNREFUSED')]),
      'REGION_UNAVAILABLE',
    ],
    ['no connection left', server('53300'), 'OVERLOADED'],
    ['a unique key', server('23505'), 'CONSTRAINT_VIOLATION'],
    ['an exclusion', server('23P01'), 'CONSTRAINT_VIOLATION'],
    ['a serialization failure', server('40001'), 'TRANSACTION_CONFLICT'],
    ['a deadlock', server('40P01'), 'TRANSACTION_CONFLICT'],
    ['a value out of range', server('22003'), 'BAD_USER_INPUT'],
    ['an invalid text', server('22P02'), 'BAD_USER_INPUT'],
    ['a missing privilege', server('42501'), 'FORBIDDEN'],
    ['a missing table', server('42P01'), 'DATABASE_ERROR'],
    ['a time limit', server('57014'), 'DATABASE_ERROR'],
    [
      "a time limit in somebody's function",
      server('57014', {
        where: 'SQL statement "SELECT n::numeric(10,2) FROM t"\nPL/pgSQL function f(integer) line 1 at SQL statement',
      }),
      'DATABASE_ERROR',
    ],
    [
      'a time limit at a row that is locked',
      server('57014', { where: 'while updating tuple (0,1) in relation "tasks"' }),
      'TRANSACTION_CONFLICT',
    ],
    [
      'the same in German',
      server('57014', { where: 'beim Sperren von Tupel (17,4) in Relation »tasks«\nSQL-Anweisung "SELECT 1"' }),
      'TRANSACTION_CONFLICT',
    ],
    ['a lock that is not waited for', server('55P03'), 'TRANSACTION_CONFLICT'],
    [
      'a server that stops while a function runs',
      server('57P01', {
        routine: 'ProcessInterrupts',
        file: 'postgres.c',
        where: 'PL/pgSQL-Funktion f() Zeile 1 bei PERFORM',
      }),
      'REGION_UNAVAILABLE',
    ],
    [
      'another server that a foreign table asks',
      server('08001', { routine: 'connect_pg_server', file: 'connection.c' }),
      'DATABASE_ERROR',
    ],
    ['a pooler that has lost its server', server('08P01'), 'REGION_UNAVAILABLE'],
    ["a code of the application's own", server('PT402'), 'RAISED_BY_DATABASE'],
    [
      'a division by zero in a function',
      server('22012', { file: 'int.c', where: 'PL/pgSQL function f() line 1 at assignment' }),
      'DATABASE_ERROR',
    ],
    [
      'a parameter that is none of its type',
      server('22P02', { file: 'network.c', where: 'unbenanntes Portal, Parameter $1 = »secret«' }),
      'BAD_USER_INPUT',
    ],
    ['a row that is too large for its index', server('54000'), 'BAD_USER_INPUT'],
    ['a row that a view does not show', server('44000'), 'CONSTRAINT_VIOLATION'],
    ['a bug of ours', new TypeError('x is not a function'), 'DATABASE_ERROR'],
  ];
  for (const [name, error, code] of cases) {
    it(`${name} is ${code}`, () => {
      const mapped = toMeridianError(error, { region: 'eu' });
      assert.equal(mapped.code, code);
      assert.equal(mapped.cause, error);
      assert.doesNotMatch(mapped.message + JSON.stringify(mapped.details), /secret/);
    });
  }
  it('mark a recovery conflict, which another server does not share', () => {
    const wherever = [
      ['40001', 'ProcessInterrupts'],
      ['40001', 'ProcessRecoveryConflictInterrupt'],
      ['40P01', 'CheckRecoveryConflictDeadlock'],
    ] as const;
    for (const [code, routine] of wherever) {
      const mapped = toMeridianError(
        Object.assign(server(code, { routine }), {
          message: 'storniere Anfrage wegen Konflikt mit der Wiederherstellung',
        }),
        { region: 'eu' },
      );
      assert.equal(mapped.code, 'TRANSACTION_CONFLICT');
      assert.equal(mapped.details['recoveryConflict'], true);
    }
    assert.equal(
      toMeridianError(server('40001', { routine: 'ExecUpdate' }), { region: 'eu' }).details['recoveryConflict'],
      undefined,
    );
  });
  it('carry the words of whoever raised them, under any code but one that asks for another try', () => {
    const raised = (code: string): unknown => {
      const mapped = toMeridianError(
        Object.assign(
          server(code, {
            routine: 'exec_stmt_raise',
            file: 'pl_exec.c',
            where: 'PL/pgSQL-Funktion f() Zeile 1 bei RAISE',
            hint: 'Less.',
          }),
          { message: 'No.' },
        ),
        { region: 'eu' },
      );
      return [mapped.code, mapped.message, mapped.details['hint']];
    };
    for (const state of ['P0001', '57P01', '08006', '25006'])
      assert.deepEqual(raised(state), ['RAISED_BY_DATABASE', 'No.', 'Less.']);
    assert.deepEqual(raised('23505'), ['CONSTRAINT_VIOLATION', 'No.', 'Less.']);
    assert.deepEqual(raised('40001'), [
      'TRANSACTION_CONFLICT',
      'The transaction was in conflict with another one that ran at the same time; try again.',
      undefined,
    ]);
  });
  it('name columns but no values', () => {
    const mapped = toMeridianError(
      server('23505', {
        detail: 'Key (tenant, "E Mail")=(7, secret) already exists.',
        table: 'users',
        constraint: 'users_key',
      }),
      { region: 'eu' },
    );
    assert.deepEqual(mapped.details, {
      sqlState: '23505',
      constraint: 'users_key',
      table: 'users',
      columns: ['tenant', 'E Mail'],
    });
    assert.equal(mapped.message, 'A row with this key exists already (tenant, E Mail).');
    const columns = (detail: string): unknown =>
      toMeridianError(server('23505', { detail }), { region: 'eu' }).details['columns'];
    const details = [
      'Schlüssel »(email)=(a (x)=(secret))« existiert bereits.',
      '"(email)=(secret)" 키가 이미 있습니다.',
      'La clé « (email)=(secret) » existe déjà.',
    ];
    for (const detail of details) assert.deepEqual(columns(detail), ['email'], detail);
    assert.deepEqual(columns('Key ("a=b")=(x (secret)=(y)) already exists.'), []);
  });
  it('are conflicts, connection failures or neither', () => {
    assert.ok(
      isConflict(server('40001')) &&
        isConflict(server('40P01')) &&
        !isConflict(server('23505')) &&
        !isConflict(new Error('x')),
    );
    assert.ok(
      isConnectionFailure(socket('ECONNRESET')) &&
        !isConnectionFailure(server('40001')) &&
        !isConnectionFailure(new Error('x')),
    );
  });
});
