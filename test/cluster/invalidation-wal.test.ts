/**
 * Proves that the tags of real changes, as a real server writes them to its WAL, match the tags of reads in every
 * spelling of their values.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { TagScheme } from '../../src/change/invalidation.ts';
import { type CommittedTransaction } from '../../src/change/ports.ts';
import { anyRowTag, tableTag, type Tag } from '../../src/change/tags.ts';
import { compileModel } from '../../src/schema-compiler/compile.ts';
import { type Entity, type Row } from '../../src/model/model.ts';
import { readCatalog } from '../../src/postgres/types/catalog.ts';
import { ChangeDecoder } from '../../src/postgres/wal/decode.ts';
import { keyOf } from '../../src/read/loaders/key-loader.ts';
import { outputColumns, readRow } from '../../src/read/sql/columns.ts';
import { fromTable } from '../../src/read/sql/identifiers.ts';
import { plainQuery } from '../support/apps.ts';
import { seeded } from '../support/random.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const COLUMNS = [
  'small',
  'whole',
  'big',
  'flag',
  'uid',
  'feeling',
  'label',
  'short',
  'price',
  'fixed',
  'folded',
  'named',
  'day',
  'doubled',
] as const;
const EXACT: readonly string[] = ['small', 'whole', 'big', 'flag', 'uid', 'feeling', 'label', 'short'];

const SCHEMA = `
  CREATE TYPE mood AS ENUM ('sad', 'very, very happy', 'Ünïcode|%');
  CREATE DOMAIN brief AS varchar(40);
  CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE things (
    id bigint PRIMARY KEY, small smallint, whole integer, big bigint, flag boolean, uid uuid, feeling mood, label text, short brief, price numeric, fixed char(5), folded text COLLATE folding, named name, day date,
    doubled integer GENERATED ALWAYS AS (whole) STORED, UNIQUE (flag, small)
  );
  ALTER TABLE things REPLICA IDENTITY FULL;
  ALTER TABLE things ALTER COLUMN label SET STORAGE EXTERNAL;
  CREATE TABLE parts (id integer, at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  ALTER TABLE parts_2026 REPLICA IDENTITY FULL;
  CREATE PUBLICATION meridian FOR TABLE things, parts WITH (publish_via_partition_root = true, publish_generated_columns = stored);`;

const SDL = `
  scalar Any
  type Thing @entity(table: "things") {
    id: ID!
    ${COLUMNS.map((column) => `${column}: Any by_${column}: [Thing!]! @relation(from: ["${column}"], to: ["${column}"])`).join('\n    ')}
    both: [Thing!]! @relation(from: ["price", "flag", "label"], to: ["price", "flag", "label"])
  }`;

describe('tags of changes in the WAL', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let scheme: TagScheme;
  let thing: Entity;
  const decoder = new ChangeDecoder('meridian', { maxTransactionChanges: 1_000, maxTransactionBytes: 1 << 24 });

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(SCHEMA);
    await client.query("SELECT pg_create_logical_replication_slot('tags', 'pgoutput')");
    const catalog = await readCatalog(plainQuery(client), { publication: 'meridian' });
    const { model } = await compileModel({
      files: [{ name: 'things.graphql', body: SDL }],
      catalog,
      pageSize: 20,
      maxPageSize: 200,
    });
    scheme = new TagScheme(model, { maxTags: 1_000 });
    thing = model.entities.get('Thing') ?? assert.fail();
  });
  after(() => server[Symbol.asyncDispose]());

  async function transactions(sql: string, values: readonly unknown[] = []): Promise<readonly CommittedTransaction[]> {
    await client.query(sql, [...values]);
    const { rows } = await client.query<{ data: Buffer }>(
      "SELECT data FROM pg_logical_slot_get_binary_changes('tags', NULL, NULL, 'proto_version', '1', 'publication_names', 'meridian', 'messages', 'true')",
    );
    return rows
      .map(({ data }) => decoder.push(data))
      .flatMap((decoded) => (decoded?.kind === 'transaction' ? [decoded.transaction] : []));
  }

  const tagsOf = async (sql: string, values: readonly unknown[] = []): Promise<ReadonlySet<Tag>> =>
    new Set((await transactions(sql, values)).flatMap((one) => scheme.invalidationOf(one).tags));

  const insert = (row: Row): Promise<ReadonlySet<Tag>> => {
    const names = Object.keys(row);
    return tagsOf(
      `INSERT INTO things (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
      Object.values(row),
    );
  };

  /** The tag of a read, from values as a client gives them. */
  const tagOfRead = (columns: readonly string[], values: readonly unknown[]): Tag => {
    const key = keyOf({ entity: thing, columns }, values);
    assert.ok(key, `${columns.join()} = ${values.join()} is a key`);
    return scheme.tagFor(thing, columns, key);
  };

  const rowNow = async (id: unknown): Promise<Row | null> => {
    const { rows } = await client.query<Row>(`SELECT ${outputColumns(thing)} FROM ${fromTable(thing)} WHERE id = $1`, [
      id,
    ]);
    return rows[0] ? readRow(thing, rows[0]) : null;
  };

  it('distinguish exact columns from others', () => {
    assert.deepEqual(
      [...thing.columns.values()]
        .filter(({ exact }) => exact)
        .map(({ name }) => name)
        .sort(),
      ['id', ...EXACT].sort(),
    );
  });

  it('equal those of what clients ask for, in every spelling', async () => {
    const any = anyRowTag(tableTag({ schema: 'public', name: 'things' }));
    const spellings: readonly (readonly [string, unknown, readonly unknown[]])[] = [
      ['small', -32768, [-32768, '-32768', '-032768']],
      ['small', 32767, [32767, '+32767']],
      ['whole', -2147483648, [-2147483648, '-2147483648']],
      ['whole', 0, [0, -0, '0', '-0', '+00']],
      ['whole', 2147483647, ['2147483647']],
      ['big', '-9223372036854775808', ['-9223372036854775808']],
      ['big', '9223372036854775807', ['9223372036854775807', '+09223372036854775807', 9223372036854775807n]],
      ['big', 5, [5, '5', 5n]],
      ['flag', true, [true, 'true', 't']],
      ['flag', false, [false, 'false', 'f']],
      [
        'uid',
        '0E37DF36-F698-11E6-8DD4-CB9CED3DF976',
        [
          '0E37DF36-F698-11E6-8DD4-CB9CED3DF976',
          '0e37df36f69811e68dd4cb9ced3df976',
          '0e37df36-f698-11e6-8dd4-cb9ced3df976',
        ],
      ],
      ['feeling', 'very, very happy', ['very, very happy']],
      ['feeling', 'Ünïcode|%', ['Ünïcode|%']],
      ['label', '', ['']],
      ['label', ' a ', [' a ']],
      ['label', 'é', ['é']],
      ['label', 'e\u0301', ['e\u0301']],
      ['label', '🙂 \u2028,|%2C#\t\r\n\\x', ['🙂 \u2028,|%2C#\t\r\n\\x']],
      ['label', 'long, '.repeat(2_000), ['long, '.repeat(2_000)]],
      ['label', '42', [42, '42']],
      ['short', 'Straße', ['Straße']],
    ];
    for (const [i, [column, value, asked]] of spellings.entries()) {
      const tags = await insert({ id: i, [column]: value });
      for (const spelling of asked) {
        const tag = tagOfRead([column], [spelling]);
        assert.notEqual(tag, any);
        assert.ok(tags.has(tag), `${column} = ${String(spelling)}: ${tag} is none of ${[...tags].join(' ')}`);
      }
    }
    assert.notEqual(tagOfRead(['label'], ['é']), tagOfRead(['label'], ['e\u0301']), 'what the database tells apart');
  });

  it('of columns that are not exact are the same for every value', async () => {
    const tags = await insert({
      id: 1_000,
      price: '1.50',
      fixed: 'a',
      folded: 'Ab',
      named: 'n',
      day: '2026-01-31',
      whole: 3,
    });
    for (const [column, value] of [
      ['price', '1.5'],
      ['fixed', 'a'],
      ['folded', 'aB'],
      ['named', 'n'],
      ['day', '2026-01-31'],
      ['doubled', 3],
    ] as const)
      assert.ok(tags.has(tagOfRead([column], [value])), column);
    const both = await insert({ id: 1_001, price: '1.50', flag: true, label: 'x' });
    assert.ok(both.has(tagOfRead(['price', 'flag', 'label'], ['1.500', true, 'x'])));
  });

  it('include a large value that an update leaves as it is', async () => {
    const label = 'x'.repeat(20_000);
    await insert({ id: 2_000, label, flag: true });
    assert.ok((await tagsOf('UPDATE things SET whole = 1 WHERE id = 2000')).has(tagOfRead(['label'], [label])));
  });

  it('include every tag under which a row was read before or after the change', async () => {
    const random = seeded(3);
    const choices: Readonly<Record<string, readonly unknown[]>> = {
      small: [null, 1, -1],
      whole: [null, 0, 7],
      big: ['1', '-9223372036854775808', null],
      flag: [true, false, null],
      uid: ['0e37df36-f698-11e6-8dd4-cb9ced3df976', null],
      feeling: ['sad', 'Ünïcode|%', null],
      label: ['a', 'A', 'é', '|,%', 'y'.repeat(9_000), null],
      short: ['a', 'b', null],
      price: ['1.5', '1.50', null],
      fixed: ['a', 'b  ', null],
      folded: ['a', 'A', null],
      day: ['2026-01-31', null],
    };
    const given = (): Row =>
      Object.fromEntries(
        Object.entries(choices)
          .filter(() => random.below(3) > 0)
          .map(([column, values]) => [column, random.pick(values)]),
      );
    const asked = [['id'], ['flag', 'small'], ['price', 'flag', 'label'], ...COLUMNS.map((column) => [column]), []];
    let checked = 0;
    for (let i = 0; i < 150; i += 1) {
      const id = String(3_000 + random.below(12));
      const old = await rowNow(id);
      const set = { ...given(), small: i };
      const names = Object.keys(set);
      const kind = old === null ? 'insert' : random.pick(['update', 'update', 'delete'] as const);
      const sql = {
        insert: `INSERT INTO things (id, ${names.join(', ')}) VALUES ($1, ${names.map((_, place) => `$${place + 2}`).join(', ')}) ON CONFLICT DO NOTHING`,
        update: `UPDATE things SET ${names.map((name, place) => `${name} = $${place + 2}`).join(', ')} WHERE id = $1`,
        delete: 'DELETE FROM things WHERE id = $1',
      }[kind];
      const tags = await tagsOf(sql, kind === 'delete' ? [id] : [id, ...Object.values(set)]);
      const now = await rowNow(id);
      if (JSON.stringify(old) === JSON.stringify(now)) continue;
      for (const row of [old, now].filter((one) => one !== null)) {
        for (const columns of asked) {
          const key = keyOf(
            { entity: thing, columns },
            columns.map((column) => row[column]),
          );
          if (key === null) continue;
          checked += 1;
          assert.ok(tags.has(scheme.tagFor(thing, columns, key)), `${columns.join()} of ${JSON.stringify(row)}`);
        }
      }
    }
    assert.ok(checked > 1_000, `${checked} checks`);
  });

  it("are the table's tag for TRUNCATE and for incomplete old rows", async () => {
    const table = tableTag({ schema: 'public', name: 'things' });
    const tablesOf = async (sql: string): Promise<unknown> =>
      (await transactions(sql)).map((one) => scheme.invalidationOf(one)).map(({ tags, tables }) => ({ tags, tables }));
    await client.query('ALTER TABLE things REPLICA IDENTITY DEFAULT');
    await insert({ id: 4_000, whole: 1 });
    assert.deepEqual(await tablesOf('UPDATE things SET whole = 2 WHERE id = 4000'), [{ tags: [], tables: [table] }]);
    assert.deepEqual(await tablesOf('DELETE FROM things WHERE id = 4000'), [{ tags: [], tables: [table] }]);
    assert.deepEqual(await tablesOf('TRUNCATE things'), [{ tags: [], tables: [table] }]);
  });

  it('do not exist for a truncated partition, which is why partitioned tables are not cached', async () => {
    const changes = async (sql: string): Promise<unknown> =>
      (await transactions(sql)).flatMap((one) => one.changes.map(({ kind, table }) => `${kind} ${table}`));
    assert.deepEqual(await changes("INSERT INTO parts VALUES (1, '2026-05-05')"), ['insert parts']);
    assert.deepEqual(await changes('TRUNCATE parts_2026'), []);
    assert.deepEqual(await changes('TRUNCATE parts'), ['truncate parts']);
  });

  it("can come from messages that the database's own code writes", async () => {
    const emit = (content: string): Promise<readonly CommittedTransaction[]> =>
      transactions("SELECT pg_logical_emit_message(true, 'meridian', $1::text)", [content]);
    const [tagged] = await emit(JSON.stringify({ tags: ['Thing.label=é,|%', 'stats'] }));
    assert.ok(tagged && scheme.invalidationOf(tagged).tags.includes(tagOfRead(['label'], ['é,|%'])));
    const [ddl] = await emit('{"ddl":{"all":true}}');
    assert.equal(ddl && scheme.invalidationOf(ddl).everything, true);
  });
});
