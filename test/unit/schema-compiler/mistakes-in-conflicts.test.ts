/**
 * `@conflict`, `expectedVersion` and what tells of conflicts: what the model holds of them, and mistakes, each named
 * with its place and its fix.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_CONFLICTS } from '../../../src/model/model.ts';
import { sketchCatalog, TEAMS } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

/** People count versions; `more` stands behind `@entity`, `fields` among the fields. */
const person = (
  more = '',
  fields = 'age: Int',
): string => `type Person @entity(table: "people", version: "version") ${more} { id: ID! email: String! nick: String ${fields} version: Int! }
  type Pay { person: Person conflict: Clash token: ConsistencyToken! }
  type Clash { reason: ConflictReason! current: Person version: Int fields: [String!]! token: ConsistencyToken! }
  input Edit { nick: String }
  input Add { email: String! teamId: ID! }
  type Mutation {
    edit(id: ID!, expectedVersion: Int, input: Edit!): Pay @update
    drop(id: ID!, expectedVersion: Int!): Pay @delete
    add(input: Add!): Pay @insert
  }`;

/** Docs with every type that rules care for, and a key of two columns to refer to. */
const DOCS = sketchCatalog({
  docs: {
    columns: [
      'id bigint',
      'title text',
      'hits bigint',
      'tags text[]',
      'at timestamptz',
      'status status(A,B)',
      'room text null',
      'seat integer null',
      'size integer readonly',
      'slug text',
      'version bigint',
      'revision integer',
    ],
    primaryKey: ['id'],
    unique: [['slug']],
    references: ['room+seat -> seats.room+number'],
  },
  seats: { columns: ['room text', 'number integer'], primaryKey: ['room', 'number'] },
});

describe('conflicts', () => {
  it('are all refused unless something else is declared', async () => {
    const { model } = await compileSdl(person());
    assert.deepEqual(model.entities.get('Person')?.conflict, NO_CONFLICTS);
    assert.deepEqual(NO_CONFLICTS, {
      policy: 'REJECT',
      handler: null,
      rules: new Map(),
      rule: 'REJECT',
      deleteChanged: 'REJECT',
      updateDeleted: 'REJECT',
      insertExisting: 'REJECT',
    });
    assert.deepEqual((await compileSdl(person('@conflict'))).model.entities.get('Person')?.conflict, NO_CONFLICTS);
  });

  it('follow the declared policy, further columns and rules by column', async () => {
    const sdl = person(
      '@conflict(policy: MERGE, rule: LAST_WRITE_WINS, deleteChanged: DELETE, updateDeleted: RESTORE, insertExisting: KEEP)',
      'years: Int @column(name: "age") @conflict(rule: MAX)',
    );
    assert.deepEqual((await compileSdl(sdl)).model.entities.get('Person')?.conflict, {
      policy: 'MERGE',
      handler: null,
      rule: 'LAST_WRITE_WINS',
      rules: new Map([['age', 'MAX']]),
      deleteChanged: 'DELETE',
      updateDeleted: 'RESTORE',
      insertExisting: 'KEEP',
    });
    assert.deepEqual(await warningsOf(sdl), []);
  });

  it('are decided by a handler, whose name is checked where the handlers are known', async () => {
    const sdl = person('@conflict(policy: HANDLER, handler: "settle")');
    assert.deepEqual((await compileSdl(sdl, { handlers: ['settle'] })).model.entities.get('Person')?.conflict, {
      ...NO_CONFLICTS,
      policy: 'HANDLER',
      handler: 'settle',
    });
    assert.deepEqual(await problemsOf(sdl), [], 'where nothing is written');
  });

  it('follow a rule for every column of a relation', async () => {
    const sdl = `
      type Doc @entity @conflict(policy: MERGE) { id: ID! seat: Seat @conflict(rule: LAST_WRITE_WINS) title: String! @conflict(rule: APPEND) tags: [String!]! @conflict(rule: UNION) at: DateTime! @conflict(rule: MIN) }
      type Seat @entity { room: String! number: Int! }`;
    const { model } = await compileSdl(sdl.replace('@entity @conflict', '@entity(version: "version") @conflict'), {
      catalog: DOCS,
    });
    assert.deepEqual(
      model.entities.get('Doc')?.conflict.rules,
      new Map([
        ['room', 'LAST_WRITE_WINS'],
        ['seat', 'LAST_WRITE_WINS'],
        ['title', 'APPEND'],
        ['tags', 'UNION'],
        ['at', 'MIN'],
      ]),
    );
  });

  it('are detected where a mutation asks for the version, as an argument or in its input', async () => {
    const { model } = await compileSdl(`${person()}
      input Whole { expectedVersion: Int! nick: String }
      extend type Mutation { whole(id: ID!, input: Whole!): Pay @update plain(id: ID!, expectedVersion: ID, nick: String): Pay @update blind(id: ID!, nick: String): Pay @update }`);
    assert.deepEqual(
      [...model.mutations].map(([name, { expectedVersion, keyArguments, values }]) => [
        name,
        expectedVersion,
        [...keyArguments.keys()],
        [...values.keys()],
      ]),
      [
        ['edit', 'argument', ['id'], ['nick']],
        ['drop', 'argument', ['id'], []],
        ['add', null, [], ['email', 'teamId']],
        ['whole', 'input', ['id'], ['nick']],
        ['plain', 'argument', ['id'], ['nick']],
        ['blind', null, ['id'], ['nick']],
      ],
    );
  });

  it('are reported by any type with a reason, under any names, in whole or in part', async () => {
    const { model } = await compileSdl(
      `${person()}
      type Short { clash: Why } type Why { why: ConflictReason now: Person hint: String }
      extend type Mutation { short(id: ID!, expectedVersion: Int, nick: String): Short @update(entity: "Person") }`,
      { resolvers: { Why: { hint: () => 'try again' } } },
    );
    assert.deepEqual(model.mutations.get('edit')?.payload, {
      entityField: 'person',
      tokenField: 'token',
      conflict: {
        field: 'conflict',
        reason: 'reason',
        current: 'current',
        version: 'version',
        fields: 'fields',
        token: 'token',
      },
    });
    assert.deepEqual(model.mutations.get('short')?.payload, {
      entityField: null,
      tokenField: null,
      conflict: { field: 'clash', reason: 'why', current: 'now', version: null, fields: null, token: null },
    });
  });

  it('do not depend on @idempotent, which is read from mutations', async () => {
    const { model } = await compileSdl(person().replace('Pay @insert', 'Pay @insert @idempotent'));
    assert.deepEqual(
      [...model.mutations].map(([name, { idempotent }]) => [name, idempotent]),
      [
        ['edit', false],
        ['drop', false],
        ['add', true],
      ],
    );
  });
});

describe('compiling a schema with mistakes in conflicts', () => {
  const mistake = async (more: string, fields = 'age: Int', extra = {}): Promise<string[]> =>
    (await problemsOf(person(more, fields), extra)).map((line) => line.replace(/^app\.graphql:1 {2}/, ''));

  it('reports unknown policies and rules', async () => {
    assert.deepEqual(
      await mistake('@conflict(policy: MERGED, deleteChanged: REMOVE, updateDeleted: RESTOR, insertExisting: UPSERT)'),
      [
        '@conflict(policy: MERGED) is no ConflictPolicy; use REJECT, LAST_WRITE_WINS, MERGE, HANDLER',
        '@conflict(deleteChanged: REMOVE) is no OnDeleteChanged; use REJECT, DELETE',
        '@conflict(updateDeleted: RESTOR) is no OnUpdateDeleted; use REJECT, RESTORE',
        '@conflict(insertExisting: UPSERT) is no OnInsertExisting; use REJECT, UPDATE, KEEP',
      ],
    );
    assert.deepEqual(await mistake('@conflict(policy: MERGE)', 'age: Int @conflict(rule: SUM)'), [
      '@conflict(rule: SUM) is no ConflictRule; use ADD, MAX, MIN, UNION, APPEND, LAST_WRITE_WINS, REJECT',
      'Person.age says nothing of how its conflicts end; give it a rule:, or remove @conflict',
    ]);
  });

  it('reports policies that have nothing to compare, or have no effect', async () => {
    assert.deepEqual(
      await problemsOf(`type Team @entity @conflict(policy: LAST_WRITE_WINS) { id: ID! }
      type Task @entity @conflict(updateDeleted: RESTORE) { id: ID! }
      type Log @entity(schema: "audit", table: "log") @conflict(insertExisting: KEEP) { id: ID! }`),
      [
        'app.graphql:1  Team declares what becomes of writes from older versions, but has no version; name its column with @entity(version:)',
        'app.graphql:2  Task declares what becomes of writes from older versions, but has no version; name its column with @entity(version:)',
      ],
    );
    assert.deepEqual(await mistake('@conflict(rule: ADD)'), [
      'Person has a rule for fields, which only the policy MERGE follows; declare policy: MERGE, or remove the rule',
    ]);
    assert.deepEqual(await mistake('@conflict(policy: HANDLER)'), [
      "Person leaves conflicts to a handler, but does not name it; add handler: with the name of a function in the resolver module's conflicts",
    ]);
    assert.deepEqual(await mistake('@conflict(handler: "settle")'), [
      'Person names the handler "settle", which only the policy HANDLER calls; declare policy: HANDLER, or remove it',
    ]);
    assert.deepEqual(await mistake('@conflict(policy: HANDLER, handler: "setle")', '', { handlers: ['settle'] }), [
      'Person names the handler "setle", which the resolver module\'s conflicts do not have; did you mean "settle"?',
    ]);
    assert.deepEqual(
      await mistake('@conflict(policy: HANDLER, handler: "settle")', '', { handlers: [] }),
      ['Person names the handler "settle", which the resolver module\'s conflicts do not have'],
      'no resolver module at all',
    );
    assert.deepEqual(
      await problemsOf(
        'type Load @entity(table: "team_load") @key(fields: "teamId") @conflict { teamId: ID openTasks: BigInt }',
      ),
      [
        'app.graphql:1  Load shows a view, whose conflicts cannot be decided; put @conflict on an entity of the table behind it',
      ],
    );
  });

  it('reports rules of fields that no write could follow', async () => {
    const of = (fields: string, more = '@conflict(policy: MERGE)'): Promise<string[]> => mistake(more, fields);
    assert.deepEqual(await of('age: Int @conflict(policy: MERGE)'), [
      'Person.age says policy: of a conflict, which is for the whole entity to say; a field has a rule: only',
    ]);
    assert.deepEqual(await of('age: Int @conflict'), [
      'Person.age says nothing of how its conflicts end; give it a rule:, or remove @conflict',
    ]);
    assert.deepEqual(await of('age: Int @conflict(rule: MAX)', ''), [
      'Person.age has a rule for conflicts, which only the policy MERGE follows; declare @conflict(policy: MERGE) on Person, or remove it',
    ]);
    assert.deepEqual(await of('age: Int @conflict(rule: UNION)'), [
      'Person.age has the rule UNION, which column "age" of type integer cannot follow; use another one',
    ]);
    assert.deepEqual(await of('friends: Int! @count(of: "Person", from: ["id"], to: ["id"]) @conflict(rule: ADD)'), [
      'Person.friends is no column of its own, so that no conflict can be about it; remove @conflict',
    ]);
    const docs = (fields: string): Promise<string[]> =>
      problemsOf(`type Doc @entity(version: "version") @conflict(policy: MERGE) {\n${fields}\n}`, { catalog: DOCS });
    assert.deepEqual(
      await docs(
        'id: ID! @conflict(rule: LAST_WRITE_WINS)\nversion: BigInt! @conflict(rule: MAX)\nsize: Int @conflict(rule: ADD)',
      ),
      [
        'app.graphql:2  Doc.id has a rule for conflicts, but no update sets column "id", which is of the key; remove it',
        'app.graphql:3  Doc.version has a rule for conflicts, but no update sets column "version", which is the version; remove it',
        'app.graphql:4  Doc.size has a rule for conflicts, but column "size" is written by the database alone; remove it',
      ],
    );
    assert.deepEqual(
      await docs(
        'id: ID!\nhits: BigInt @conflict(rule: ADD)\nvotes: BigInt @column(name: "hits") @conflict(rule: MAX)\nlikes: BigInt @column(name: "hits") @conflict(rule: ADD)',
      ),
      ['app.graphql:4  Doc.votes has the rule MAX for column "hits", for which another field has ADD; keep one'],
    );
    assert.deepEqual(await docs('id: ID!\nstatus: String! @conflict(rule: MAX)\ntitle: String! @conflict(rule: MIN)'), [
      'app.graphql:3  Doc.status has the rule MAX, which column "status" of type public.status cannot follow; use another one',
      'app.graphql:4  Doc.title has the rule MIN, which column "title" of type text cannot follow; use another one',
    ]);
  });

  it('reports directives of conflicts where they have no effect', async () => {
    const sdl = `
      interface Named { name: String @conflict(rule: ADD) }
      interface Bookable { book: String @idempotent }
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Plain @conflict(policy: MERGE) { x: Int }
      type Query {
        team(id: ID!): Team @conflict(rule: ADD)
        plain: Plain @idempotent
      }`;
    assert.deepEqual(await problemsOf(sdl, { resolvers: { Query: { plain: () => null }, Plain: { x: () => 1 } } }), [
      'app.graphql:2  Named.name is no field of an @entity, so @conflict has no meaning there; put it on the entity that the conflict is about, or on a field of it',
      'app.graphql:3  Bookable.book is no mutation, so @idempotent has no meaning there; remove it, or say it on the field of Mutation',
      'app.graphql:5  Plain is no @entity, so @conflict has no meaning there; remove it',
      'app.graphql:7  Query.team is no field of an @entity, so @conflict has no meaning there; put it on the entity that the conflict is about, or on a field of it',
      'app.graphql:8  Query.plain is no mutation, so @idempotent has no meaning there; remove it, or say it on the field of Mutation',
    ]);
    for (const twice of [
      person('@conflict @conflict(policy: MERGE)'),
      `${person('@conflict')}\nextend type Person @conflict(policy: MERGE)`,
    ])
      assert.match((await problemsOf(twice)).join(), /"@conflict" can only be used once/);
    assert.match(
      (await problemsOf('interface Named @conflict { name: String }')).join(),
      /"@conflict" may not be used on INTERFACE/,
    );
  });

  it('reports versions that are declared wrongly', async () => {
    const sdl = `${person()}
      type Team @entity { id: ID! name: String! } type TeamPay { team: Team }
      input Whole { expectedVersion: Int nick: String }
      extend type Mutation {
        twice(id: ID!, expectedVersion: Int, input: Whole!): Pay @update
        none(id: ID!, expectedVersion: Int, name: String): TeamPay @update
        fresh(expectedVersion: Int, email: String!, teamId: ID!): Pay @insert
        odd(id: ID!, expectedVersion: String): Pay @delete
        many(id: ID!, expectedVersion: [Int!]): Pay @delete
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:12  Mutation.twice asks for expectedVersion twice; keep one',
      'app.graphql:15  Mutation.none asks for expectedVersion, but Team counts no versions; name its column with @entity(version:)',
      'app.graphql:16  Mutation.fresh asks for expectedVersion, but a new row has had no version; remove it',
      'app.graphql:17  Mutation.odd asks for expectedVersion: column "version" is integer, which does not fit String; declare it Int',
      'app.graphql:18  Mutation.many asks for expectedVersion: column "version" is integer, not an array; declare it Int',
    ]);
    const narrow =
      'type Doc @entity(version: "version") { id: ID! title: String! } type Pay { doc: Doc } type Mutation { edit(id: ID!, expectedVersion: Int!, title: String): Pay @update }';
    assert.deepEqual(await problemsOf(narrow, { catalog: DOCS }), [
      'app.graphql:1  Mutation.edit asks for expectedVersion: column "version" is bigint, which does not fit Int; declare it BigInt',
    ]);
  });

  it('reports payloads that could not show a conflict', async () => {
    const told = (payload: string, clash: string): Promise<string[]> =>
      problemsOf(`type Person @entity(table: "people", version: "version") { id: ID! email: String! }
      type Team @entity { id: ID! name: String! }
      type Mutation { edit(id: ID!, expectedVersion: Int, email: String): Pay @update(entity: "Person") }
      type Pay { ${payload} }
      type Clash { ${clash} }`);
    assert.deepEqual(await told('person: Person! conflict: Clash!', 'reason: ConflictReason!'), [
      'app.graphql:4  Pay.conflict is non-null, but most writes meet no conflict; declare it Clash',
      'app.graphql:4  Pay.person is non-null, but a refused write shows no Person there; declare it Person',
    ]);
    assert.deepEqual(await told('conflict: Clash', 'reason: ConflictReason! current: Person! version: Int!'), [
      'app.graphql:5  Clash.current is non-null, but the row may be gone; declare it Person',
      'app.graphql:5  Clash.version is non-null, but the row may be gone; let it be null',
    ]);
    assert.deepEqual(await told('conflict: Clash', 'reason: ConflictReason! version: Boolean'), [
      'app.graphql:5  Clash.version: column "version" is integer, which does not fit Boolean; declare it Int',
    ]);
    const rest =
      'shows nothing of a conflict that Mutation.edit may meet; a reason (ConflictReason!), the current row (Person), its version, the fields in conflict ([String!]!) and a ConsistencyToken can be shown: remove it, or write a resolver';
    for (const field of [
      'other: Team',
      'more: String',
      'second: Person',
      'why: ConflictReason',
      'lists: [[String!]!]',
      'numbers: [Int!]',
      'reasons: [ConflictReason!]',
    ]) {
      assert.deepEqual(await told('conflict: Clash', `reason: ConflictReason! current: Person ${field}`), [
        `app.graphql:5  Clash.${field.split(':')[0]} ${rest}`,
      ]);
    }
    assert.deepEqual(await told('conflict: Clash again: Clash', 'reason: ConflictReason!'), [
      'app.graphql:4  Pay.again is neither the Person that Mutation.edit writes nor its ConsistencyToken, nor of a type that tells of a conflict (with reason: ConflictReason!); remove it or write a resolver',
    ]);
    assert.deepEqual(await told('conflicts: [Clash!]', 'reason: ConflictReason!'), [
      'app.graphql:4  Pay.conflicts is neither the Person that Mutation.edit writes nor its ConsistencyToken, nor of a type that tells of a conflict (with reason: ConflictReason!); remove it or write a resolver',
    ]);
  });

  it('reports one type for the conflicts of two entities', async () => {
    const shared = `${person()} type Team @entity { id: ID! name: String! } type TeamPay { team: Team conflict: Clash } extend type Mutation { rename(id: ID!, name: String): TeamPay @update }`;
    assert.deepEqual(await problemsOf(shared), [
      'app.graphql:3  Clash.current shows nothing of a conflict that Mutation.rename may meet; a reason (ConflictReason!), the current row (Team), its version, the fields in conflict ([String!]!) and a ConsistencyToken can be shown: remove it, or write a resolver',
    ]);
  });

  it('reports two columns that count the versions of one table', async () => {
    const sdl =
      'type Doc @entity(version: "version") { id: ID! }\ntype Draft @entity(table: "docs", version: "revision") { id: ID! }';
    assert.deepEqual(await problemsOf(sdl, { catalog: DOCS }), [
      'app.graphql:2  Draft counts its version in column "revision", and Doc, which shows the same table docs, in "version"; use one of them',
    ]);
  });
});

describe('warnings about conflicts', () => {
  it('name policies and rules that no write can reach', async () => {
    const sdl =
      'type Person @entity(table: "people", version: "version") @conflict(policy: MERGE, deleteChanged: DELETE, updateDeleted: RESTORE, insertExisting: KEEP) { id: ID! nick: String }';
    const never = (what: string, why: string): string =>
      `app.graphql:1  Person declares ${what}, but can never come to it, since ${why}, or remove the declaration`;
    const update = 'no @update of it asks for expectedVersion; add the argument to one';
    assert.deepEqual(await warningsOf(sdl), [
      never('policy: MERGE', update),
      never('updateDeleted: RESTORE', update),
      never('deleteChanged: DELETE', 'no @delete of it asks for expectedVersion; add the argument to one'),
      never('insertExisting: KEEP', 'the schema has no @insert of it; add one'),
    ]);
    assert.equal(
      (
        await warningsOf(
          `${sdl} type Pay { person: Person } type Mutation { edit(id: ID!, nick: String): Pay @update drop(id: ID!): Pay @delete add(email: String!, teamId: ID!): Pay @insert }`,
        )
      ).length,
      3,
      'mutations without the argument do not meet one',
    );
  });

  it('name updates that return nothing', async () => {
    const sdl = person('@conflict(updateDeleted: RESTORE)').replace('edit(id: ID!', 'byEmail(email: String!');
    assert.deepEqual(await warningsOf(sdl), [
      'app.graphql:7  Mutation.byEmail names its Person by email, under which a deleted row is not found again, so that RESTORE brings none back there; name it by its primary key (id)',
    ]);
    const people = TEAMS.tables.get('public.people');
    assert.ok(people);
    assert.deepEqual(
      await warningsOf(person('@conflict(updateDeleted: RESTORE)'), {
        catalog: { ...TEAMS, tables: new Map([...TEAMS.tables, ['public.people', { ...people, policies: [] }]]) },
      }),
      [
        'app.graphql:1  Person brings deleted rows back (updateDeleted: RESTORE), but table people has row-level security, which cannot be asked about a row that is gone: whoever it holds for is refused with VERSION_UNKNOWN; remove it, or keep viewers apart by @tenant',
      ],
    );
  });

  it('name updates that do not count the version of another type', async () => {
    const sdl = `${person()} type Contact @entity(table: "people") { id: ID! email: String! } type ContactPay { contact: Contact } extend type Mutation { move(id: ID!, email: String): ContactPay @update }`;
    assert.deepEqual(await warningsOf(sdl), [
      'app.graphql:10  Mutation.move changes rows of Person without counting their version, so that nobody who writes a Person learns of it; give Contact @entity(version: "version"), too',
    ]);
  });
});
