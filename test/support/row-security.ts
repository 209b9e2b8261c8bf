/**
 * Owns the proof of row-level security under the caches: the viewer reaches the policies on every path, and no viewer
 * is shown what was cached for another.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import {
  createDataLayer,
  type ResolverContext,
  type Row,
  type Setting,
  type UserResolvers,
  type Viewer,
} from '../../src/index.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { EU, startTestApp, US, type Answer, type TestApp, type TestAppOptions } from './app.ts';
import { until } from './observe.ts';

const PASSWORD = 'correct-horse-battery';

/**
 * Notes go by the viewer's tenant; folders by membership, which the policy looks up in another table; pins by the
 * viewer alone.
 */
const SQL = `
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text NOT NULL UNIQUE, tenant text NOT NULL DEFAULT current_setting('app.tenant_id'), folder_id bigint, body text NOT NULL);
CREATE TABLE folders (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE members (folder_id bigint REFERENCES folders, user_id text, PRIMARY KEY (folder_id, user_id));
CREATE TABLE pins (id bigint PRIMARY KEY, note_id bigint REFERENCES notes, owner text NOT NULL);
CREATE INDEX ON notes (folder_id, id);
CREATE INDEX ON pins (note_id, id);
INSERT INTO folders VALUES (1, 'shared'), (2, 'of ann');
INSERT INTO members VALUES (1, 'ann'), (1, 'bob'), (2, 'ann');
INSERT INTO notes (slug, tenant, folder_id, body) VALUES ('a-1', 'a', 1, 'first of a'), ('a-2', 'a', 2, 'second of a'), ('b-1', 'b', 1, 'first of b');
INSERT INTO pins VALUES (1, 1, 'ann'), (2, 1, 'bob'), (3, 3, 'bob');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE folders ENABLE ROW LEVEL SECURITY;
ALTER TABLE pins ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (tenant = current_setting('app.tenant_id'));
CREATE POLICY audit ON notes FOR SELECT USING ('auditor' = ANY (string_to_array(current_setting('app.roles'), ',')));
CREATE POLICY member ON folders USING (EXISTS (SELECT FROM members m WHERE m.folder_id = folders.id AND m.user_id = current_setting('app.user_id')));
CREATE POLICY own ON pins USING (owner = current_setting('app.user_id'));
CREATE ROLE app_user;
CREATE ROLE app LOGIN PASSWORD '${PASSWORD}' IN ROLE pg_monitor;
ALTER ROLE app REPLICATION;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes, folders, pins, members TO app_user, app;
GRANT app_user TO app;
CREATE FUNCTION whoami() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_user || ' ' || concat_ws('|', current_setting('app.tenant_id', true), current_setting('app.user_id', true), current_setting('app.roles', true)) $$;
`;

const SDL = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
type Query {
  note(id: ID!): Note
  noteBySlug(slug: String!): Note
  notes(first: Int, after: String): NoteConnection! @list(orderBy: ["id"])
  allNotes: [Note!]! @list(orderBy: ["id"])
  noteCount: Int! @count(of: "Note")
  folder(id: ID!): Folder
  pins: [Pin!]! @list(orderBy: ["id"])
  bodies: [String!]!
  whoami: String!
}
type Mutation {
  addNote(input: AddNoteInput!): NotePayload! @insert
  updateNote(id: ID!, input: UpdateNoteInput!): NotePayload! @update
  deleteNote(id: ID!): NotePayload! @delete
  whoWrites: String!
}
type Note @entity @key(fields: "id") @key(fields: "slug") { id: ID! slug: String! tenant: String! body: String! folder: Folder @relation(from: ["folder_id"], to: ["id"]) pins: [Pin!]! @relation(from: ["id"], to: ["note_id"], orderBy: ["id"]) pinCount: Int! @count(of: "Pin", from: ["id"], to: ["note_id"]) }
type Folder @entity @key(fields: "id") { id: ID! name: String! notes: [Note!]! @relation(from: ["id"], to: ["folder_id"], orderBy: ["id"]) noteCount: Int! @count(of: "Note", from: ["id"], to: ["folder_id"]) }
type Pin @entity @key(fields: "id") { id: ID! owner: String! note: Note }
input AddNoteInput { slug: String!, tenant: String, body: String! }
input UpdateNoteInput { tenant: String, body: String }
type NotePayload { note: Note, token: ConsistencyToken! }
type NoteConnection { edges: [NoteEdge!]! nodes: [Note!]! pageInfo: PageInfo! totalCount: Int! }
type NoteEdge { node: Note! cursor: String! }
`;

const resolvers: UserResolvers = {
  Query: {
    bodies: async (_: unknown, __: unknown, context: ResolverContext): Promise<unknown> =>
      (await context.read('SELECT body FROM notes ORDER BY id', [], { dependsOn: ['Note'] })).map(
        (row: Row) => row['body'],
      ),
    whoami: async (_: unknown, __: unknown, context: ResolverContext): Promise<unknown> =>
      (await context.read('SELECT whoami() AS who'))[0]?.['who'],
  },
  Mutation: {
    whoWrites: (_: unknown, __: unknown, context: ResolverContext): Promise<unknown> =>
      context.transaction(async (tx) => (await tx.query('SELECT whoami() AS who')).rows[0]?.['who']),
  },
};

const ANN: Viewer = { id: 'ann', tenant: 'a', roles: ['member'] };
const BOB: Viewer = { id: 'bob', tenant: 'b', roles: ['member', 'editor'] };
const EVE: Viewer = { id: 'eve', tenant: null, roles: ['auditor'] };
const NOBODY = null;

/** What each of them may see, and nothing else, whoever asked before. */
const SEEN: readonly { readonly query: string; readonly of: (viewer: Viewer | null) => unknown }[] = [
  {
    query: '{ note(id: 1) { body pins { owner } pinCount folder { name } } }',
    of: (viewer) => ({
      note:
        viewer === ANN
          ? { body: 'first of a', pins: [{ owner: 'ann' }], pinCount: 1, folder: { name: 'shared' } }
          : viewer === EVE
            ? { body: 'first of a', pins: [], pinCount: 0, folder: null }
            : null,
    }),
  },
  {
    query: '{ noteBySlug(slug: "b-1") { body pins { owner note { body } } } }',
    of: (viewer) => ({
      noteBySlug:
        viewer === BOB
          ? { body: 'first of b', pins: [{ owner: 'bob', note: { body: 'first of b' } }] }
          : viewer === EVE
            ? { body: 'first of b', pins: [] }
            : null,
    }),
  },
  {
    query: '{ notes(first: 2) { totalCount nodes { slug } } allNotes { slug } noteCount }',
    of: (viewer) => {
      const slugs = (
        viewer === ANN ? ['a-1', 'a-2'] : viewer === BOB ? ['b-1'] : viewer === EVE ? ['a-1', 'a-2', 'b-1'] : []
      ).map((slug) => ({ slug }));
      return {
        notes: { totalCount: slugs.length, nodes: slugs.slice(0, 2) },
        allNotes: slugs,
        noteCount: slugs.length,
      };
    },
  },
  {
    query: '{ shared: folder(id: 1) { name notes { slug } noteCount } own: folder(id: 2) { name notes { slug } } }',
    of: (viewer) => ({
      shared:
        viewer === ANN
          ? { name: 'shared', notes: [{ slug: 'a-1' }], noteCount: 1 }
          : viewer === BOB
            ? { name: 'shared', notes: [{ slug: 'b-1' }], noteCount: 1 }
            : null,
      own: viewer === ANN ? { name: 'of ann', notes: [{ slug: 'a-2' }] } : null,
    }),
  },
  {
    query: '{ pins { id note { slug } } }',
    of: (viewer) => ({
      pins:
        viewer === ANN
          ? [{ id: '1', note: { slug: 'a-1' } }]
          : viewer === BOB
            ? [
                { id: '2', note: null },
                { id: '3', note: { slug: 'b-1' } },
              ]
            : [],
    }),
  },
  {
    query:
      '{ _entities(representations: [{ __typename: "Note", id: 1 }, { __typename: "Note", slug: "b-1" }, { __typename: "Folder", id: 2 }]) { ... on Note { body } ... on Folder { name } } }',
    of: (viewer) => ({
      _entities: [
        viewer === ANN || viewer === EVE ? { body: 'first of a' } : null,
        viewer === BOB || viewer === EVE ? { body: 'first of b' } : null,
        viewer === ANN ? { name: 'of ann' } : null,
      ],
    }),
  },
  {
    query: '{ bodies }',
    of: (viewer) => ({
      bodies:
        viewer === ANN
          ? ['first of a', 'second of a']
          : viewer === BOB
            ? ['first of b']
            : viewer === EVE
              ? ['first of a', 'second of a', 'first of b']
              : [],
    }),
  },
];

const VIEWERS: readonly (Viewer | null)[] = [NOBODY, ANN, BOB, EVE];
const CARRIED = 'app.tenant_id=tenant,app.user_id=id,app.roles=roles';

export interface RowSecurityCase {
  readonly name: string;
  /** Role that statements run as in the end. */
  readonly role: string;
  readonly options: TestAppOptions;
  readonly redis: boolean;
}

/** Servers that own the tables take on a role for each viewer. */
export const TAKES_ON_A_ROLE = {
  role: 'app_user',
  options: { settings: { viewerSettings: `${CARRIED},role:app_user` } },
} as const;
/** Servers connect as a role that owns nothing. */
export const OWNS_NOTHING = {
  role: 'app',
  options: { login: { user: 'app', password: PASSWORD }, settings: { viewerSettings: CARRIED } },
} as const;

function asRole(dsn: string, user: string): string {
  const url = new URL(dsn);
  [url.username, url.password] = [user, PASSWORD];
  return url.href;
}

/** Declares the tests of one case. */
export function provesRowSecurity({ name, role, options, redis }: RowSecurityCase): void {
  const skip = redis && findRedis() === null && 'neither redis-server nor valkey-server is here';
  describe(`row-level security, where ${name},`, { skip }, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({
        files: [{ name: 'notes.graphql', body: SDL }],
        sql: [SQL],
        server: { resolvers },
        redis,
        ...options,
      });
      // A quick machine would be through with everybody before the first cache has begun, and nothing would be shown of
      // caches.
      for (const region of [EU, US])
        await until(
          `${region} answers from its cache`,
          async () => (await ask(ANN, '{ noteCount }', region)).consistency?.servedBy.cache === 1,
          { withinMs: 30_000 },
        );
    });
    after(async () => app?.[Symbol.asyncDispose]());

    const ask = async <D>(viewer: Viewer | null, query: string, region = EU): Promise<Answer<D>> => {
      const authorization =
        viewer === null
          ? {}
          : {
              authorization: `Bearer ${await app.bearer({ id: viewer.id, roles: viewer.roles, ...(viewer.tenant === null ? {} : { tenant: viewer.tenant }) })}`,
            };
      return app.gql<D>(region, query, { headers: authorization, token: '' });
    };
    const settingsOf = (viewer: Viewer | null): string =>
      [viewer?.tenant ?? '', viewer?.id ?? '', viewer?.roles.join(',') ?? ''].join('|');

    it('shows each viewer what the policies allow, at every level, whichever viewer has read before', async () => {
      for (const region of [EU, US]) {
        for (const level of ['', '@consistent(level: STRONG)', '@consistent(level: SNAPSHOT)', '']) {
          for (const { query, of } of SEEN) {
            for (const viewer of level === '' ? [...VIEWERS, ...VIEWERS.toReversed()] : VIEWERS) {
              const { data, errors } = await ask(viewer, `query ${level} ${query}`, region);
              assert.deepEqual([data, errors], [of(viewer), []], `${region} ${level} ${query} ${viewer?.id}`);
            }
          }
        }
      }
      const { consistency } = await ask(ANN, '{ noteBySlug(slug: "a-1") { body } noteCount }');
      assert.equal(
        (await ask(ANN, '{ noteBySlug(slug: "a-1") { body } noteCount }')).consistency?.servedBy.cache,
        2,
        JSON.stringify(consistency),
      );
    });

    it('passes the viewer to the database, and leaves no setting on the connection', async () => {
      for (let i = 0; i < 5; i += 1) {
        for (const viewer of VIEWERS) {
          assert.deepEqual((await ask(viewer, '{ whoami }')).data, { whoami: `${role} ${settingsOf(viewer)}` });
          assert.deepEqual((await ask(viewer, '{ whoami @consistent(level: SNAPSHOT) }')).data, {
            whoami: `${role} ${settingsOf(viewer)}`,
          });
          assert.deepEqual((await ask(viewer, 'mutation { whoWrites }')).data, {
            whoWrites: `${role} ${settingsOf(viewer)}`,
          });
        }
      }
      // At once, on whichever connections.
      await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          const viewer = VIEWERS[i % VIEWERS.length] ?? null;
          assert.deepEqual((await ask(viewer, i % 3 === 0 ? 'mutation { whoami: whoWrites }' : '{ whoami }')).data, {
            whoami: `${role} ${settingsOf(viewer)}`,
          });
        }),
      );
    });

    it('passes hostile text as plain text', async () => {
      for (const tenant of ["a' OR TRUE --", "'); DROP TABLE notes; --", '$1', 'a,role=postgres', '%', '\\']) {
        const viewer: Viewer = { id: tenant, tenant, roles: [] };
        assert.deepEqual((await ask(viewer, '{ whoami noteCount }')).data, {
          whoami: `${role} ${settingsOf(viewer)}`,
          noteCount: 0,
        });
      }
      assert.equal(
        (await ask({ ...ANN, roles: ['x,auditor'] }, '{ noteCount }')).errors[0]?.extensions.code,
        'FORBIDDEN',
      );
    });

    it('refuses every write that the policies forbid', async () => {
      const written = (): Promise<unknown> => app.cluster.query(US, 'SELECT * FROM notes ORDER BY id');
      const earlier = await written();
      for (const viewer of [NOBODY, BOB, EVE]) {
        for (const id of [1, 987654321]) {
          for (const mutation of [
            `updateNote(id: ${id}, input: { body: "stolen" })`,
            `updateNote(id: ${id}, input: {})`,
            `deleteNote(id: ${id})`,
          ]) {
            const { data, errors } = await ask(viewer, `mutation { ${mutation} { note { body } } }`);
            // An auditor may see the row, and not touch it.
            if (viewer === EVE && id === 1 && mutation.includes('input: {}')) assert.deepEqual(errors, []);
            else assert.deepEqual([data, errors[0]?.extensions.code], [null, 'NOT_FOUND'], `${viewer?.id} ${mutation}`);
          }
        }
      }
      for (const mutation of [
        'addNote(input: { slug: "x", tenant: "b", body: "planted" })',
        'updateNote(id: 1, input: { tenant: "b" })',
      ]) {
        assert.equal(
          (await ask(ANN, `mutation { ${mutation} { note { body } } }`)).errors[0]?.extensions.code,
          'FORBIDDEN',
          mutation,
        );
      }
      assert.deepEqual(await written(), earlier);
    });

    it('shows a write to every viewer who may see it, and at once to its writer', async () => {
      const { data, errors } = await ask<{ addNote: { note: { id: string; tenant: string } } }>(
        BOB,
        'mutation { addNote(input: { slug: "b-2", body: "new" }) { note { id tenant } token } }',
      );
      assert.deepEqual(errors, []);
      assert.equal(data?.addNote.note.tenant, 'b', 'the default asks who writes');
      const seen = async (viewer: Viewer | null): Promise<unknown> =>
        (await ask<{ allNotes: { slug: string }[] }>(viewer, '{ allNotes { slug } }')).data?.allNotes.map(
          ({ slug }) => slug,
        );
      await until('the new note', async () => ((await seen(BOB)) as string[]).includes('b-2'), { withinMs: 30_000 });
      await until('the new note for the auditor', async () => ((await seen(EVE)) as string[]).includes('b-2'), {
        withinMs: 30_000,
      });
      assert.deepEqual([await seen(ANN), await seen(NOBODY)], [['a-1', 'a-2'], []]);
      assert.deepEqual(
        (await ask(BOB, `mutation { deleteNote(id: ${data?.addNote.note.id}) { note { slug } } }`)).errors,
        [],
      );
      for (const viewer of [BOB, EVE])
        await until('the note is gone', async () => !((await seen(viewer)) as string[]).includes('b-2'), {
          withinMs: 30_000,
        });
    });

    it('follows a membership that a policy reads, and such rows are not cached', async () => {
      const folder = async (viewer: Viewer): Promise<unknown> =>
        (await ask<{ folder: unknown }>(viewer, '{ folder(id: 2) { name } }')).data?.folder;
      assert.deepEqual([await folder(ANN), await folder(BOB)], [{ name: 'of ann' }, null]);
      await app.cluster.query(
        US,
        "INSERT INTO members VALUES (2, 'bob'); DELETE FROM members WHERE folder_id = 2 AND user_id = 'ann'",
      );
      await app.cluster.caughtUp();
      assert.deepEqual([await folder(ANN), await folder(BOB)], [null, { name: 'of ann' }]);
      await app.cluster.query(
        US,
        "INSERT INTO members VALUES (2, 'ann'); DELETE FROM members WHERE folder_id = 2 AND user_id = 'bob'",
      );
      await app.cluster.caughtUp();
      assert.deepEqual([await folder(ANN), await folder(BOB)], [{ name: 'of ann' }, null]);
    });

    it('empties the cache when a policy changes', async () => {
      const count = async (): Promise<unknown> =>
        (await ask<{ noteCount: number }>(BOB, '{ noteCount }')).data?.noteCount;
      assert.equal(await count(), 1);
      await app.cluster.query(US, 'CREATE POLICY everybody ON notes FOR SELECT USING (true)');
      await until('the new policy', async () => (await count()) === 3, { withinMs: 30_000 });
      await app.cluster.query(US, 'DROP POLICY everybody ON notes');
      await until('the old policy', async () => (await count()) === 1, { withinMs: 30_000 });
    });

    it("applies in the library, also with settings of the caller's own", async () => {
      const regions = Object.fromEntries(
        app.cluster.regions.map(({ name }) => [name, { databaseUrl: loggedIn(app.cluster.dsnFor(EU, name)) }]),
      );
      const layer = await createDataLayer({
        settings: { region: EU, regions, tokenSecret: 'another secret for tests', ...options.settings },
        schema: [{ name: 'notes.graphql', body: SDL.replace(/ {2}(bodies|whoami|whoWrites).*\n/g, '') }],
        telemetry: silentTelemetry(),
      });
      try {
        const settings: readonly Setting[] = [
          { name: 'app.tenant_id', value: 'b' },
          { name: 'app.user_id', value: '' },
          { name: 'app.roles', value: '' },
          { name: 'role', value: 'app_user' },
        ];
        const read = async (asked: {
          viewer?: Viewer | null;
          settings?: readonly Setting[];
          level?: 'STRONG' | 'SNAPSHOT';
        }): Promise<unknown> =>
          (await layer.read('SELECT slug FROM notes ORDER BY id', [], { dependsOn: ['Note'], ...asked })).rows.map(
            (row) => row['slug'],
          );
        for (let i = 0; i < 2; i += 1) {
          for (const level of [{}, { level: 'STRONG' }, { level: 'SNAPSHOT' }] as const) {
            assert.deepEqual(await read({ viewer: ANN, ...level }), ['a-1', 'a-2']);
            assert.deepEqual(await read({ viewer: BOB, ...level }), ['b-1']);
            assert.deepEqual(await read(level), [], 'whoever does not say for whom reads for nobody');
            assert.deepEqual(await read({ settings, ...level }), ['b-1']);
          }
        }
        const bound = layer.loaders({ viewer: BOB });
        assert.deepEqual(
          [
            await bound.loaders.one('Note', ['slug'], ['a-1']),
            (await bound.loaders.one('Note', ['slug'], ['b-1']))?.['body'],
          ],
          [null, 'first of b'],
        );
        await bound.close();
        const who = async (asked: Parameters<typeof layer.transaction>[1]): Promise<unknown> =>
          (await layer.transaction(async (tx) => (await tx.query('SELECT whoami() AS who')).rows[0]?.['who'], asked))
            .result;
        assert.deepEqual(
          [await who({ viewer: ANN }), await who({}), await who({ settings })],
          [`${role} ${settingsOf(ANN)}`, `${role} ||`, 'app_user b||'],
        );
        await assert.rejects(read({ settings: [{ name: 'row_security', value: 'off' }] }), { code: 'BAD_USER_INPUT' });
        await assert.rejects(who({ settings: [{ name: 'role', value: 'no_such_role' }] }), {
          code: 'CONFIG_INVALID',
          message: /refuses the settings that carry the viewer/,
        });
        await assert.rejects(read({ settings: [{ name: 'role', value: 'no_such_role' }] }), {
          code: 'CONFIG_INVALID',
          message: /refuses the settings that carry the viewer/,
        });
      } finally {
        await layer.close();
      }
    });

    it('does not share cached values between processes that connect as different roles', { skip: !redis }, async () => {
      const layerAs = (dsn: (region: string) => string): ReturnType<typeof createDataLayer> => {
        const regions = Object.fromEntries(
          app.cluster.regions.map(({ name, redisUrl }) => [
            name,
            { databaseUrl: dsn(name), ...(redisUrl === null ? {} : { redisUrl }) },
          ]),
        );
        return createDataLayer({
          settings: { region: EU, regions, tokenSecret: 'another secret for tests', viewerSettings: CARRIED },
          schema: [{ name: 'notes.graphql', body: SDL.replace(/ {2}(bodies|whoami|whoWrites).*\n/g, '') }],
          telemetry: silentTelemetry(),
        });
      };
      const layers = await Promise.all([
        layerAs((name) => asRole(app.cluster.dsnFor(EU, name), 'app')),
        layerAs((name) => app.cluster.dsnFor(EU, name)),
      ]);
      try {
        for (let i = 0; i < 3; i += 1) {
          for (const [layer, rows] of [
            [layers[0], 2],
            [layers[1], 3],
          ] as const) {
            assert.equal(
              (await layer.read('SELECT slug FROM notes ORDER BY slug', [], { viewer: ANN, dependsOn: ['Note'] })).rows
                .length,
              rows,
            );
            const bound = layer.loaders({ viewer: ANN });
            assert.equal((await bound.loaders.one('Note', ['slug'], ['b-1'])) === null, rows === 2);
            await bound.close();
          }
        }
      } finally {
        await Promise.all(layers.map((layer) => layer.close()));
      }
    });

    it('adds no round trip to writes', async () => {
      const { metrics } = stacksOf(app.server(EU).layer).telemetry;
      const taken = async (): Promise<number> =>
        (await metrics.writeRoundTrips.get()).values.find(({ metricName }) => metricName?.endsWith('_sum'))?.value ?? 0;
      const earlier = await taken();
      await ask(ANN, 'mutation { updateNote(id: 1, input: { body: "first of a" }) { note { body } } }');
      assert.equal((await taken()) - earlier, 1);
    });

    const loggedIn = (dsn: string): string => (options.login ? asRole(dsn, options.login.user) : dsn);
  });
}
