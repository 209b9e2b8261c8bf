/**
 * Proves a schema of entities and fields only: the types that Meridian generates from it are served, and mean the same
 * as written ones.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { formatProblem } from '../../src/schema-compiler/problems.ts';
import { type Model } from '../../src/model/model.ts';
import { readSdlFolder, type SdlFile } from '../../src/schema-compiler/files.ts';
import { startTestApp, US, type TestApp } from '../support/app.ts';
import { compileApp, loadApp } from '../support/apps.ts';
import { startScratchPostgres } from '../support/scratch-postgres.ts';

const SQL = `
  CREATE TYPE mood AS ENUM ('CALM', 'WILD');
  CREATE TABLE owners (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, favorite bigint);
  CREATE TABLE animals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id uuid REFERENCES owners,
    keeper uuid NOT NULL REFERENCES owners,
    name text NOT NULL,
    mood mood NOT NULL DEFAULT 'CALM',
    weight numeric(6, 1),
    names text[] NOT NULL DEFAULT '{}' CHECK (array_position(names, NULL) IS NULL),
    born date,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  ALTER TABLE owners ADD FOREIGN KEY (favorite) REFERENCES animals;
  CREATE INDEX ON animals (owner_id, id);
  CREATE INDEX ON animals (keeper, id);
  CREATE INDEX ON owners (favorite, id);
`;

const SDL = `
  type Query {
    animal(id: ID!): Animal
    animals(filter: AnimalFilter, orderBy: [AnimalOrder!], first: Int, after: String): AnimalConnection!
    animalCount(filter: AnimalFilter): Int! @count(of: "Animal")
  }
  type Mutation {
    createOwner(input: CreateOwnerInput!): CreateOwnerPayload! @insert
    createAnimal(input: CreateAnimalInput!): CreateAnimalPayload! @insert
    updateAnimal(id: ID!, expectedVersion: Int, input: UpdateAnimalInput!): UpdateAnimalPayload! @update
    deleteAnimal(id: ID!): DeleteAnimalPayload! @delete
  }
  type Owner @entity @key(fields: "id") {
    id: UUID!
    name: String!
    favorite: Animal
    animals(filter: AnimalFilter, orderBy: [AnimalOrder!], first: Int, after: String): AnimalConnection! @relation(to: ["owner_id"])
  }
  enum Mood { CALM WILD }
  type Animal @entity(version: "version") @key(fields: "id") {
    id: ID!
    owner: Owner @relation(from: ["owner_id"])
    keeper: Owner! @relation(from: ["keeper"])
    name: String!
    mood: Mood! @default
    weight: Decimal
    names: [String!]! @default
    born: Date
    version: Int!
    createdAt: DateTime!
  }
`;

describe('a schema of entities and fields', () => {
  let app: TestApp;
  let [ann, bob] = ['', ''];
  /** Each request sees what those before it have written. */
  let token = '';

  before(async () => {
    app = await startTestApp({ files: [{ name: 'zoo.graphql', body: SDL }], sql: [SQL], regions: [US] });
    ann = await owner('Ann');
    bob = await owner('Bob');
    await create({
      name: 'Rex',
      keeper: ann,
      ownerId: ann,
      mood: 'WILD',
      weight: '30.5',
      names: ['rex', 'dog'],
      born: '2020-05-01',
    });
    await create({ name: 'Tom', keeper: bob, ownerId: ann, weight: '4.2', names: ['cat'] });
    await create({ name: 'Ada', keeper: bob, mood: 'WILD', born: '2024-01-01' });
  });
  after(() => app[Symbol.asyncDispose]());

  const run = async <D>(query: string, variables: Record<string, unknown> = {}): Promise<D> => {
    const answer = await app.gql<D>(US, query, { variables, token });
    token = answer.token ?? token;
    assert.deepEqual(answer.errors ?? [], []);
    return answer.data as D;
  };
  const owner = async (name: string): Promise<string> =>
    (
      await run<{ made: { owner: { id: string } } }>(
        'mutation ($input: CreateOwnerInput!) { made: createOwner(input: $input) { owner { id } } }',
        { input: { name } },
      )
    ).made.owner.id;
  const create = async (input: Record<string, unknown>): Promise<void> =>
    void (await run(
      'mutation ($input: CreateAnimalInput!) { createAnimal(input: $input) { animal { id mood names version } token } }',
      { input },
    ));
  const names = async (args: string): Promise<readonly string[]> =>
    (
      await run<{ animals: { nodes: { name: string }[] } }>(`{ animals(${args}) { nodes { name } } }`)
    ).animals.nodes.map(({ name }) => name);

  it('filters by columns, by enums, by lists and by relations', async () => {
    assert.deepEqual(await names('filter: { name: { startsWith: "T" } }'), ['Tom']);
    assert.deepEqual(await names('filter: { mood: [WILD], born: { gt: "2021-01-01" } }'), ['Ada']);
    assert.deepEqual(await names('filter: { names: { has: "dog" } }'), ['Rex']);
    assert.deepEqual(await names(`filter: { owner: { eq: "${ann}" }, keeper: { ne: "${ann}" } }`), ['Tom']);
    assert.deepEqual(
      await names(
        'filter: { or: [{ weight: { lt: "5" } }, { owner: { isNull: true } }], not: { name: { eq: "Ada" } } }',
      ),
      ['Tom'],
    );
    assert.deepEqual(await run('{ animalCount(filter: { weight: { isNull: false } }) }'), { animalCount: 2 });
  });

  it('orders and pages, at the root and within a row', async () => {
    assert.deepEqual(await names('orderBy: [NAME_ASC]'), ['Ada', 'Rex', 'Tom']);
    assert.deepEqual(await names('orderBy: [MOOD_DESC, NAME_DESC]'), ['Rex', 'Ada', 'Tom']);
    type Page = {
      animals: {
        edges: { cursor: string; node: { name: string } }[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
        totalCount: number;
      };
    };
    const page = (after: string): Promise<Page> =>
      run(
        `query ($after: String) { animals(orderBy: [NAME_ASC], first: 2, after: $after) { edges { cursor node { name } } pageInfo { hasNextPage endCursor } totalCount } }`,
        after === '' ? {} : { after },
      );
    const { animals } = await page('');
    assert.deepEqual(
      animals.edges.map(({ node }) => node.name),
      ['Ada', 'Rex'],
    );
    assert.deepEqual([animals.totalCount, animals.pageInfo.hasNextPage], [3, true]);
    const next = await page(animals.pageInfo.endCursor);
    assert.deepEqual(
      next.animals.edges.map(({ node }) => node.name),
      ['Tom'],
    );
    const [rex] = (
      await run<{ animals: { nodes: unknown[] } }>(
        '{ animals(filter: { name: { eq: "Rex" } }) { nodes { owner { animals(orderBy: [WEIGHT_ASC]) { nodes { name } totalCount } } } } }',
      )
    ).animals.nodes;
    assert.deepEqual(rex, { owner: { animals: { nodes: [{ name: 'Tom' }, { name: 'Rex' }], totalCount: 2 } } });
  });

  it("writes with the table's defaults, leaves omitted fields unchanged, and reports a stale version as a conflict", async () => {
    type Row = { id: string; mood: string; names: string[]; version: number; favoriteOf?: unknown };
    const { createAnimal } = await run<{ createAnimal: { animal: Row } }>(
      'mutation ($input: CreateAnimalInput!) { createAnimal(input: $input) { animal { id mood names version } } }',
      { input: { name: 'Kim', keeper: ann } },
    );
    const { id, ...made } = createAnimal.animal;
    assert.deepEqual(made, { mood: 'CALM', names: [], version: 1 });
    const update =
      'mutation ($id: ID!, $seen: Int, $input: UpdateAnimalInput!) { updateAnimal(id: $id, expectedVersion: $seen, input: $input) { animal { name mood version owner { name } } conflict { reason current { name } version fields } } }';
    assert.deepEqual(await run(update, { id, seen: 1, input: { mood: 'WILD', ownerId: bob } }), {
      updateAnimal: { animal: { name: 'Kim', mood: 'WILD', version: 2, owner: { name: 'Bob' } }, conflict: null },
    });
    assert.deepEqual(await run(update, { id, seen: 1, input: { mood: 'CALM' } }), {
      updateAnimal: {
        animal: null,
        conflict: { reason: 'CHANGED', current: { name: 'Kim' }, version: 2, fields: ['mood'] },
      },
    });
    // The column behind `favorite` is called so, and the input's field `favoriteId`.
    const { createOwner } = await run<{ createOwner: unknown }>(
      'mutation ($input: CreateOwnerInput!) { createOwner(input: $input) { owner { name favorite { name } } } }',
      { input: { name: 'Cid', favoriteId: id } },
    );
    assert.deepEqual(createOwner, { owner: { name: 'Cid', favorite: { name: 'Kim' } } });
    await app.cluster.query(US, 'UPDATE owners SET favorite = NULL');
    assert.deepEqual(await run('mutation ($id: ID!) { deleteAnimal(id: $id) { animal { name } } }', { id }), {
      deleteAnimal: { animal: { name: 'Kim' } },
    });
    assert.deepEqual(await run('query ($id: ID!) { animal(id: $id) { name } }', { id }), { animal: null });
  });

  it('refuses fields that the generated types do not have, as GraphQL does', async () => {
    const { errors } = await app.gql(US, 'mutation { createAnimal(input: { id: 9, name: "x" }) { token } }');
    assert.match(
      errors.map(({ message }) => message).join('\n'),
      /Field "id" is not defined by type "CreateAnimalInput"/,
    );
    assert.match(
      errors.map(({ message }) => message).join('\n'),
      /Field "CreateAnimalInput\.keeper" of required type "ID!|UUID!" was not provided/,
    );
  });
});

describe('the example applications', () => {
  it('lead to the same statements as when all of their types are written', async () => {
    await using server = await startScratchPostgres();
    const client = await server.connect();
    await loadApp(client, 'workspace', 0.001);
    await loadApp(client, 'music');
    for (const name of ['workspace', 'music'] as const) {
      const written: SdlFile[] = [
        { name: `${name}.graphql`, body: readFileSync(`test/support/written/${name}.graphql`, 'utf8') },
      ];
      const [short, long] = [await compileApp(client, name), await compileApp(client, name, written)];
      assert.deepEqual(
        short.warnings.map(({ message }) => message),
        long.warnings.map(({ message }) => message),
        short.warnings.map(formatProblem).join(),
      );
      assert.deepEqual(sorted(short.model), sorted(long.model));
      assert.ok(
        readSdlFolder(`schema/${name}`)
          .map(({ body }) => body)
          .join('').length < (written[0]?.body.length ?? 0),
      );
    }
  });
});

/** Maps without their order, in which nothing depends on what is written first. */
function sorted(value: Model): unknown {
  const plain = (part: unknown): unknown => {
    if (part instanceof Map)
      return [...part]
        .map(([key, inner]) => [key, plain(inner)] as const)
        .sort(([a], [b]) => String(a).localeCompare(String(b)));
    if (part instanceof Set) return [...part].map(String).sort();
    if (Array.isArray(part)) return part.map(plain);
    if (typeof part !== 'object' || part === null) return part;
    // Lines differ, since the files do.
    return Object.fromEntries(
      Object.entries(part).flatMap(([key, inner]) => (key === 'spot' ? [] : [[key, plain(inner)]])),
    );
  };
  return plain(value);
}
