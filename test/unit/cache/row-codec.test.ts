/** Cached rows: what comes out is exactly what went in, whatever its kind, and nobody can change it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonNumber, parseJson } from '../../../src/base/json.ts';
import { type Column, type Entity, type Row, type ScalarKind } from '../../../src/model/model.ts';
import { numberCodec, rowCodec, rowsCodec, shapeOf } from '../../../src/cache/row-codec.ts';
import { seeded, type Random } from '../../support/random.ts';
import { TASKS } from '../read/tasks-entity.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

function entityOf(
  columns: Readonly<Record<string, { readonly kind: ScalarKind; readonly array?: boolean }>>,
  overrides: Partial<Entity> = {},
): Entity {
  const column = ([name, { kind, array = false }]: [string, { readonly kind: ScalarKind; readonly array?: boolean }]): [
    string,
    Column,
  ] => [
    name,
    { name, type: { sql: array ? `${kind}[]` : kind, kind, array }, nullable: true, hasDefault: false, exact: true },
  ];
  return { ...TASKS, columns: new Map(Object.entries(columns).map(column)), ...overrides };
}

function assertExact(entity: Entity, row: Row): void {
  const one = rowCodec(entity);
  const many = rowsCodec(entity);
  assert.deepStrictEqual(one.decode(one.encode(row)), row);
  assert.deepStrictEqual(many.decode(many.encode([row, row])), [row, row]);
}

test('numbers that JSON or JavaScript cannot write come back exactly, alone, in arrays and deep in json', () => {
  const entity = entityOf({
    f: { kind: 'float' },
    a: { kind: 'float', array: true },
    j: { kind: 'json' },
    t: { kind: 'text' },
  });
  const odd = [NaN, Infinity, -Infinity, -0, 0, 5e-324, 1.7976931348623157e308, 0.1, null];
  for (const f of odd) assertExact(entity, { f, a: [f, [f, null], 1.5], j: null, t: 'NaN' });
  for (const text of ['1e999', '-1e999', '-0', '1.10', '9007199254740993', '0.1234567890123456789', '1e3', '1e-999']) {
    for (const f of [1, 1e300, 9007199254740992, Infinity]) {
      const deep = parseJson(`{"deep":[{"x":${text},"__proto__":1},-1,"NaN","1e999"]}`);
      for (const j of [deep, new JsonNumber(text)]) {
        const row = { f, a: [f], j, t: '-0' };
        assertExact(entity, row);
        assert.equal(JSON.stringify(rowCodec(entity).decode(rowCodec(entity).encode(row))), JSON.stringify(row));
      }
    }
  }
  assertExact(entity, { f: 1, a: null, j: 'NaN', t: null });
});

test('json with special keys of JavaScript, and texts that JSON escapes, come back exactly', () => {
  const entity = entityOf(
    Object.fromEntries([
      ['j', { kind: 'json' }],
      ['t', { kind: 'text' }],
      ['constructor', { kind: 'text' }],
    ]),
  );
  const j = parseJson('{"__proto__": {"x": 1}, "constructor": [-0], "": null, "1": true, "a": {"__proto__": null}}');
  assertExact(entity, { j, t: '"\\\n\u2028\u0001ä𝄞', constructor: 'x' });
  assertExact(entity, { j: [], t: '', constructor: null });
});

test('no row, an empty list and counts come back as they were', () => {
  const one = rowCodec(TASKS);
  assert.equal(one.decode(one.encode(null)), null);
  const many = rowsCodec(TASKS);
  assert.deepEqual(many.decode(many.encode([])), []);
  for (const n of [0, 1, 2 ** 53 - 1]) assert.equal(numberCodec.decode(numberCodec.encode(n)), n);
});

test('a text that is no row, list or count of the entity is refused', () => {
  const entity = entityOf({ a: { kind: 'int' }, b: { kind: 'text' } });
  for (const text of ['', 'x', '1', '{}', '[]', '[1]', '[1,"x",2]', '{"a":1,"b":"x"}'])
    assert.throws(() => rowCodec(entity).decode(text), SyntaxError, text);
  for (const text of ['', 'null', '{}', '[null]', '[[1]]', '[1,"x"]'])
    assert.throws(() => rowsCodec(entity).decode(text), SyntaxError, text);
  for (const text of ['', 'x', '-1', 'null', '1.5', '1e3', '[]'])
    assert.throws(() => numberCodec.decode(text), SyntaxError, text);
});

test('what is decoded is frozen through and through', () => {
  const entity = entityOf({ j: { kind: 'json' }, a: { kind: 'text', array: true } });
  const codec = rowsCodec(entity);
  const rows = codec.decode(codec.encode([{ j: { deep: [{ x: 1 }] }, a: ['x'] }]));
  const row = rows[0] as { readonly j: { readonly deep: readonly { x: number }[] }; readonly a: readonly string[] };
  for (const part of [rows, row, row.j, row.j.deep, row.j.deep[0], row.a]) assert.ok(Object.isFrozen(part));
});

const TEXTS = [
  '',
  'x',
  'NaN',
  '-0',
  '1e999',
  '{"a":1}',
  '["',
  'null',
  '123456789012345678901234567890',
  '\\x00ff',
  '2026-01-31T12:00:00.123456Z',
  'ä𝄞 "\\',
];

function anyValue(random: Random, kind: ScalarKind, depth: number): unknown {
  if (random.below(6) === 0) return null;
  if (kind === 'bool') return random.below(2) === 0;
  if (kind === 'int') return random.below(2 ** 31) - 2 ** 30;
  if (kind === 'float')
    return random.pick([NaN, Infinity, -Infinity, -0, 0, random.below(1_000) / 7, -random.below(1_000) * 1e300]);
  if (kind !== 'json') return random.pick(TEXTS);
  if (depth > 2)
    return random.pick([
      true,
      1,
      new JsonNumber('-0'),
      new JsonNumber('1e999'),
      new JsonNumber('9007199254740993'),
      'x',
    ]);
  const items = Array.from({ length: random.below(3) }, () => anyValue(random, 'json', depth + 1));
  // A key of its own called __proto__, as JSON.parse makes it.
  return random.pick<() => unknown>([
    () => random.pick(TEXTS),
    () => items,
    () => Object.fromEntries(items.map((item, i) => [random.pick(['__proto__', 'a', String(i)]), item])),
  ])();
}

test(`rows with columns of every kind come back exactly (SEED=${SEED})`, () => {
  const random = seeded(SEED);
  const kinds: readonly ScalarKind[] = [
    'int',
    'float',
    'bigint',
    'numeric',
    'text',
    'uuid',
    'bool',
    'date',
    'timestamp',
    'timestamptz',
    'time',
    'json',
    'enum',
    'bytea',
    'other',
  ];
  const entity = entityOf(
    Object.fromEntries(
      kinds.flatMap((kind) => [
        [kind, { kind }],
        [`${kind}s`, { kind, array: true }],
      ]),
    ),
  );
  for (let n = 0; n < 500; n += 1) {
    const arrayOf = (kind: ScalarKind): unknown =>
      random.below(6) === 0 ? null : Array.from({ length: random.below(4) }, () => anyValue(random, kind, 1));
    assertExact(
      entity,
      Object.fromEntries(
        kinds.flatMap((kind) => [
          [kind, anyValue(random, kind, 0)],
          [`${kind}s`, arrayOf(kind)],
        ]),
      ),
    );
  }
});

test('a shape names the table, and the names, order and types of its columns', () => {
  const base = { a: { kind: 'text' }, b: { kind: 'float' } } as const;
  const shape = shapeOf(entityOf(base));
  assert.match(shape, /^[\w-]{10}$/);
  assert.equal(shapeOf(entityOf(base, { name: 'Renamed' })), shape);
  const others = [
    entityOf({ b: base.b, a: base.a }),
    entityOf({ ...base, c: { kind: 'text' } }),
    entityOf({ ...base, b: { kind: 'int' } }),
    entityOf({ ...base, b: { kind: 'float', array: true } }),
    entityOf(base, { table: { schema: 'public', name: 'others' } }),
    entityOf(base, { table: { schema: 'other', name: 'tasks' } }),
  ];
  assert.equal(new Set([shape, ...others.map(shapeOf)]).size, others.length + 1);
});
