/**
 * How SDL files become one subgraph: several files, federation's imports, what Meridian adds, and custom resolvers
 * beside it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { GraphQLScalarType, print } from 'graphql';
import { isMeridianError } from '../../../src/base/errors.ts';
import { compileModel } from '../../../src/schema-compiler/compile.ts';
import { readSdlFolder } from '../../../src/schema-compiler/files.ts';
import { TEAMS } from '../../support/catalog.ts';
import { compileSdl, problemsOf } from '../../support/compile.ts';

const TEAM = 'type Team @entity @key(fields: "id") { id: ID! name: String! }';
const QUERY = 'type Query { team(id: ID!): Team }';
const limits = { pageSize: 20, maxPageSize: 200 };

describe('files', () => {
  it('are joined, and the problems of all of them are reported at once, in order', async () => {
    const files = [
      { name: 'b.graphql', body: '\ntype Task @entity { id: ID! ttle: String }' },
      { name: 'a.graphql', body: 'type Team @entity { id: ID! nmae: String }' },
    ];
    await assert.rejects(compileModel({ files, catalog: TEAMS, ...limits }), (error: unknown) => {
      assert.ok(isMeridianError(error, 'SCHEMA_INVALID'));
      assert.equal(
        error.message,
        [
          'The schema has 2 problems:',
          '  a.graphql:1  Team.nmae maps to column "nmae", which table teams does not have; did you mean "name"? Name it with @column(name:)',
          '  b.graphql:2  Task.ttle maps to column "ttle", which table tasks does not have; did you mean "title"? Name it with @column(name:)',
        ].join('\n'),
      );
      return true;
    });
  });

  it('may be empty or hold only comments, and one syntax error does not hide another', async () => {
    const files = (...bodies: string[]) => bodies.map((body, i) => ({ name: `${i}.graphql`, body }));
    await compileModel({ files: files(TEAM, '', '# to be written\n\n# soon\n'), catalog: TEAMS, ...limits });
    await assert.rejects(
      compileModel({ files: files('type {', TEAM, 'typo Team'), catalog: TEAMS, ...limits }),
      /2 problems:\n {2}0\.graphql:1 .*\n {2}2\.graphql:1 /,
    );
  });

  it('are read from a folder by name; a folder without any is an error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-sdl-'));
    try {
      assert.throws(
        () => readSdlFolder(folder),
        /holds no \.graphql file; put the schema there or name another folder/,
      );
      for (const name of ['b.graphql', 'a.graphqls', 'c.sql']) writeFileSync(join(folder, name), name);
      assert.deepEqual(
        readSdlFolder(folder).map(({ name }) => name),
        ['a.graphqls', 'b.graphql'],
      );
      assert.throws(() => readSdlFolder(join(folder, 'nowhere')), /cannot be read \(ENOENT.*\); name a folder/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('federation', () => {
  const served = async (sdl: string): Promise<string> => {
    const { typeDefs } = await compileSdl(sdl);
    buildSubgraphSchema([{ typeDefs }]);
    return print(typeDefs);
  };

  it('is imported for a schema that does not', async () => {
    assert.match(
      await served(`${TEAM}\n${QUERY}`),
      /extend schema @link\(url: "https:\/\/specs\.apollo\.dev\/federation\/v2\.\d+", import: \["@key", "@shareable"/,
    );
  });

  it('is left as the author imports it: what is not imported goes by its full name', async () => {
    const text = await served(
      `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])\n${TEAM}\n${QUERY}`,
    );
    assert.equal(text.match(/@link\(/g)?.length, 1);
    assert.match(text, /type RegionHealth @federation__shareable \{/);
    assert.doesNotMatch(text, /@shareable/);
  });

  it('follows aliases', async () => {
    const sdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: [{ name: "@key", as: "@id" }, "@shareable"])\n${TEAM.replace('@key', '@id')}\n${QUERY}`;
    assert.match(await served(sdl), /type RegionHealth @shareable/);
    assert.deepEqual((await compileSdl(sdl)).model.entities.get('Team')?.federationKeys, [['id']]);
  });

  it('allows directives of other specifications where they are defined, since nobody else does, and no others', async () => {
    const link =
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"]) @link(url: "https://example.com/audit/v1.0", import: ["@audited"])';
    const audited = `${link}\n${TEAM.replace('name: String!', 'name: String! @audited')}`;
    assert.deepEqual(await problemsOf(`${audited}\ndirective @audited on FIELD_DEFINITION`), []);
    assert.deepEqual(await problemsOf(audited), ['app.graphql:2  Unknown directive "@audited"; correct the SDL there']);
    assert.deepEqual(await problemsOf(`${link}\n${TEAM.replace('name: String!', 'name: String! @audted')}`), [
      'app.graphql:2  Unknown directive "@audted"; correct the SDL there',
    ]);
  });

  it('leaves external fields, keys that do not resolve and own reference resolvers to other subgraphs', async () => {
    const sdl =
      'type Team @entity @key(fields: "id") @key(fields: "motto", resolvable: false) { id: ID! motto: String budget: Int @external }';
    const { model } = await compileSdl(sdl);
    assert.deepEqual(model.entities.get('Team')?.federationKeys, [['id']]);
    assert.equal(model.entities.get('Team')?.fields.has('budget'), false);
    const own = await compileSdl(TEAM.replace('"id"', '"name"').replace('name: String!', 'name: String'), {
      resolvers: { Team: { __resolveReference: () => null } },
    });
    assert.deepEqual(own.model.entities.get('Team')?.federationKeys, []);
  });
});

describe('what Meridian adds', () => {
  it('is only what the schema mentions, and the directives and types of regionHealth and conflicts', async () => {
    const { typeDefs } = await compileSdl(`${TEAM}\n${QUERY}`);
    const names = typeDefs.definitions.flatMap((node) => ('name' in node && node.name ? [node.name.value] : []));
    assert.ok(
      names.includes('RegionHealth') &&
        names.includes('consistent') &&
        names.includes('ConsistencyLevel') &&
        names.includes('ConflictRecord') &&
        names.includes('JSON'),
    );
    for (const name of ['IntFilter', 'PageInfo', 'Decimal', 'ConsistencyToken']) assert.ok(!names.includes(name), name);
  });

  it('is left out where the author has defined it', async () => {
    const { typeDefs } = await compileSdl(
      `${TEAM}\ntype TC { edges: [TE!]! pageInfo: PageInfo! } type TE { node: Team! cursor: String! }\ntype PageInfo { hasNextPage: Boolean! }\ntype Query { teams: TC! }`,
    );
    assert.match(print(typeDefs), /type PageInfo \{\n {2}hasNextPage: Boolean!\n\}/);
  });

  it('is added to a Query that is only extended, as subgraphs often do', async () => {
    const { model, typeDefs } = await compileSdl(
      `${TEAM}\nextend type Query { team(id: ID!): Team }\nextend type Team { motto: String }`,
    );
    assert.deepEqual([...model.queries.keys()], ['team']);
    assert.deepEqual([...(model.entities.get('Team')?.fields.keys() ?? [])], ['id', 'name', 'motto']);
    assert.deepEqual(
      Object.keys(buildSubgraphSchema([{ typeDefs }]).getQueryType()?.getFields() ?? {}).filter(
        (name) => !name.startsWith('_'),
      ),
      ['team', 'regionHealth', 'conflicts'],
    );
  });
});

describe('enums', () => {
  it('that are stored under other names are given as resolvers, and enums of orders are not', async () => {
    const { enums } = await compileSdl(
      `
      type Task @entity { id: ID! status: Status! }
      enum Status { OPEN @column(name: "TODO") DONE }
      enum TaskOrder { NEWEST_DESC @column(name: "created_at") }
      enum Plain { A B }
      type Query { tasks(status: Status, orderBy: TaskOrder): [Task!]! plain: Plain }`,
      { resolvers: { Query: { plain: () => 'A' } } },
    );
    assert.deepEqual(enums, { Status: { OPEN: 'TODO', DONE: 'DONE' } });
  });
});

describe('custom resolvers', () => {
  const anything = (): unknown => null;

  it('need no mapping for their fields', async () => {
    const sdl = `
      type Team @entity { id: ID! name: String! score: Float stats: Stats }
      type Stats { wins: Int }
      type Tools { ping: String }
      type Pay { team: Team token: ConsistencyToken! note: String }
      type Query { team(id: ID!): Team weather: Stats tools: Tools }
      type Mutation { shuffle: Boolean rename(id: ID!, name: String!): Pay @update }
`;
    const resolvers = {
      Team: { score: anything, stats: anything },
      Tools: { ping: anything },
      Pay: { note: anything },
      Query: { weather: anything },
      Mutation: { shuffle: anything },
      ConsistencyToken: new GraphQLScalarType({ name: 'ConsistencyToken' }),
    };
    const { model } = await compileSdl(sdl, { resolvers });
    assert.deepEqual(
      [...model.queries],
      [
        ['team', { kind: 'lookup', target: 'Team', arguments: new Map([['id', 'id']]) }],
        ['tools', { kind: 'object' }],
      ],
    );
    assert.deepEqual([...model.mutations.keys()], ['rename']);
    assert.deepEqual([...(model.entities.get('Team')?.fields.keys() ?? [])], ['id', 'name']);
  });

  it('are reported where the schema lacks their type or field', async () => {
    assert.deepEqual(
      await problemsOf(TEAM, {
        resolvers: { Taem: { x: anything }, Team: { nam: anything, __resolveReference: anything } },
      }),
      [
        'resolvers:1  the resolvers name the type Taem, which the schema does not have; did you mean "Team"?',
        'resolvers:1  the resolvers have Team.nam, which the schema does not; did you mean "name"?',
      ],
    );
  });
});

describe('conditions in SQL', () => {
  const sdl = `${TEAM}\ntype Query {\n  teams: [Team!]! @list(where: "nmae = 'x'")\n}`;

  it('are checked by the database, quoted with their place, and cannot comment out the rest of the statement', async () => {
    const tried: string[] = [];
    const checkStatement = async (statement: string): Promise<string | null> => {
      tried.push(statement);
      return 'column "nmae" does not exist';
    };
    assert.deepEqual(await problemsOf(sdl, { checkStatement }), [
      `app.graphql:3  Query.teams has the condition nmae = 'x', which the database refuses: column "nmae" does not exist`,
    ]);
    assert.deepEqual(tried, [`SELECT FROM "public"."teams" WHERE (nmae = 'x'\n)`]);
  });

  it('take no parameters, which nothing would fill', async () => {
    assert.deepEqual(await problemsOf(sdl.replace("'x'", '$1')), [
      'app.graphql:3  Query.teams has the condition nmae = $1, which takes a parameter; write out the value, or filter by an argument',
    ]);
  });

  it('are accepted when the database accepts them', async () => {
    assert.deepEqual(await problemsOf(sdl, { checkStatement: async () => null }), []);
  });
});
