/**
 * Proves that a database that an earlier version of Meridian has set up can be upgraded: that version stored rows,
 * conflicts and outcomes of requests as jsonb, and they are read with their original values.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { item(id: ID!): Item }
  type Mutation { updateItem(id: ID!, expectedVersion: Int, input: ItemInput!): ItemPayload! @update }
  type Item @entity(version: "version") @conflict(policy: MERGE, rule: LAST_WRITE_WINS, updateDeleted: RESTORE) @key(fields: "id") {
    id: ID! name: String! note: String at: DateTime tags: [String!] price: Decimal doc: JSON version: Int!
  }
  input ItemInput { name: String note: String }
  type ItemPayload { item: Item }`;

const ITEMS = `
  CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, note text, at timestamptz, tags text[], price numeric(12,2), doc jsonb, version integer NOT NULL DEFAULT 1);
  INSERT INTO items SELECT i, 'name ' || i, 'note ' || i, '2026-01-31 09:30:00.123456+00', ARRAY['a,b', 'c"d', NULL], 12.50, '{"n": 1.10}', 1 FROM generate_series(1, 9) AS i;`;

/** As that version made it: rows are kept as \`to_jsonb\` spells them. */
const EARLIER = `
  CREATE SCHEMA meridian;
  CREATE TABLE meridian.outcomes (scope text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, steps jsonb NOT NULL, expires_at timestamptz NOT NULL, PRIMARY KEY (scope, key));
  CREATE TABLE meridian.history (relation text NOT NULL, key jsonb NOT NULL, version bigint NOT NULL, row_then jsonb NOT NULL, deleted boolean NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relation, key, version));
  CREATE TABLE meridian.conflicts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), entity text NOT NULL, row_id text, mutation text NOT NULL, policy text NOT NULL,
    outcome text NOT NULL, reason text, winner text NOT NULL, viewer text, tenant text, region text NOT NULL, seen_version bigint, version bigint, new_version bigint,
    base jsonb, current jsonb, incoming jsonb, result jsonb, fields jsonb NOT NULL);
  CREATE FUNCTION meridian.keep_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    gone jsonb := to_jsonb(OLD);
  BEGIN
    INSERT INTO meridian.history AS h (relation, key, version, row_then, deleted)
    VALUES (TG_ARGV[0], (SELECT jsonb_object_agg(name, gone -> name) FROM unnest(TG_ARGV[2:]) AS name), (gone ->> TG_ARGV[1])::bigint, gone, TG_OP = 'DELETE')
    ON CONFLICT (relation, key, version) DO UPDATE SET row_then = excluded.row_then, deleted = excluded.deleted, at = excluded.at;
    RETURN NULL;
  END $$;
  CREATE TRIGGER meridian_version_replaced AFTER UPDATE ON items FOR EACH ROW WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION meridian.keep_version('public.items', 'version', 'id');
  CREATE TRIGGER meridian_version_removed AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION meridian.keep_version('public.items', 'version', 'id');
  UPDATE items SET name = 'of another', version = 2 WHERE id = 1;
  DELETE FROM items WHERE id IN (2, 3);
  INSERT INTO meridian.conflicts (entity, row_id, mutation, policy, outcome, winner, region, seen_version, version, new_version, base, current, incoming, result, fields)
  VALUES ('Item', '1', 'updateItem', 'MERGE', 'MERGED', 'BOTH', 'us-east-1', 1, 2, 3, '{"name": "a"}', '{"name": "b"}', '{"name": "c"}', '{"name": "c"}', '[]');`;

interface Item {
  readonly name: string;
  readonly note: string | null;
  readonly at: string;
  readonly tags: readonly (string | null)[];
  readonly price: string;
  readonly doc: unknown;
  readonly version: number;
}

describe('a database that an earlier version of Meridian has set up', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ regions: [US], files: [{ name: 'items.graphql', body: SDL }], sql: [ITEMS, EARLIER] });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const FIELDS = 'name note at price doc version';
  const update = (
    id: number,
    expectedVersion: number,
    input: string,
  ): Promise<Answer<{ updateItem: { item: Item } }>> =>
    app.gql(
      US,
      `mutation { updateItem(id: ${id}, expectedVersion: ${expectedVersion}, input: { ${input} }) { item { ${FIELDS} } } }`,
    );
  const kept = async (id: number): Promise<readonly boolean[]> =>
    (
      await app.cluster.query<{ now: boolean }>(
        US,
        `SELECT row_then ? '' AS now FROM meridian.history WHERE key = jsonb_build_object('id', $1::bigint) ORDER BY version`,
        [id],
      )
    ).map(({ now }) => now);

  it('merges with versions that the earlier version stored, and stores new ones in the present form', async () => {
    const { data, errors } = await update(1, 1, 'note: "mine"');
    assert.deepEqual(errors, []);
    assert.deepEqual(
      [data?.updateItem.item.name, data?.updateItem.item.note, data?.updateItem.item.version],
      ['of another', 'mine', 3],
    );
    assert.deepEqual(await kept(1), [false, true]);
  });

  it('restores rows that were deleted before the upgrade, value by value', async () => {
    const { data, errors } = await update(2, 1, 'name: "back"');
    assert.deepEqual(errors, []);
    assert.deepEqual(data?.updateItem.item, {
      name: 'back',
      note: 'note 2',
      at: '2026-01-31T09:30:00.123456Z',
      price: '12.50',
      doc: { n: 1.1 },
      version: 2,
    });
    const [row] = await app.cluster.query(
      US,
      `SELECT tags::text AS tags, at::text AS at, price::text AS price, doc::text AS doc FROM items WHERE id = 2`,
    );
    assert.deepEqual(row, {
      tags: '{"a,b","c\\"d",NULL}',
      at: '2026-01-31 09:30:00.123456+00',
      price: '12.50',
      doc: '{"n": 1.10}',
    });
  });

  it('stores deletions by other programs in the present form after the upgrade', async () => {
    await app.cluster.query(US, 'DELETE FROM items WHERE id = 4');
    assert.deepEqual([await kept(3), await kept(4)], [[false], [true]]);
    const { data } = await update(4, 1, 'name: "back"');
    assert.deepEqual([data?.updateItem.item.name, data?.updateItem.item.note], ['back', 'note 4']);
  });

  it('shows the conflicts from before the upgrade beside later ones', async () => {
    const { data, errors } = await app.gql<{ conflicts: readonly { base: unknown; incoming: unknown }[] }>(
      US,
      '{ conflicts(entity: "Item") @consistent(level: STRONG) { base incoming } }',
      { headers: { authorization: `Bearer ${app.adminToken}` } },
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(data?.conflicts.at(-1), { base: { name: 'a' }, incoming: { name: 'c' } });
    assert.ok((data?.conflicts.length ?? 0) >= 3);
  });
});
