/**
 * Owns an application in memory for tests of plans: a compiled schema of every kind of field, its rows, and loaders
 * that tell what they were asked.
 */
import DataLoader from 'dataloader';
import { GraphQLScalarType, type GraphQLSchema } from 'graphql';
import { MeridianError } from '../../src/base/errors.ts';
import { type ConnectionField, type ListField, type Model, type Row } from '../../src/model/model.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { type UserResolvers } from '../../src/graphql/resolvers.ts';
import { type LoadersNow } from '../../src/read/loaders/loaders-now.ts';
import { type EntityLoaders, type Page } from '../../src/read/loaders/entity-loaders.ts';
import { type Countable } from '../../src/read/loaders/preparations.ts';
import { canonicalText } from '../../src/read/loaders/canonical.ts';
import { sketchCatalog } from './catalog.ts';
import { compileSdl } from './compile.ts';

const CATALOG = sketchCatalog({
  people: {
    columns: [
      'id bigint readonly',
      'email text',
      'name text',
      'nick text null',
      'boss_id bigint null',
      'home_street text null',
      'home_zip integer null',
      'maker_id bigint null',
    ],
    primaryKey: ['id'],
    unique: [['email']],
    references: ['boss_id -> people.id'],
  },
  tasks: {
    columns: [
      'id bigint readonly',
      'title text',
      'status status(todo,done) default',
      'points integer null',
      'estimate numeric null',
      'labels text[] default',
      'extra jsonb null',
      'weight double precision null',
      'urgent boolean default',
      'due_date date null',
      'cells integer[] null',
      'mood text null',
      'assignee_id bigint null',
      'owner_id bigint',
    ],
    primaryKey: ['id'],
    references: ['assignee_id -> people.id', 'owner_id -> people.id'],
    indexes: [['assignee_id'], ['owner_id']],
  },
  desks: { columns: ['id bigint readonly', 'room text'], primaryKey: ['id'] },
});

export const PLANNED_SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires"])
  scalar Mood
  type Query {
    task(id: ID!): Task
    sure(id: ID!): Task!
    person(id: ID!): Person
    byEmail(email: String!): Person
    tasks(status: TaskStatus, first: Int = 3): [Task!]!
    loose(status: TaskStatus): [Task] @list(limit: 2)
    people(first: Int, after: String, last: Int, before: String): PersonConnection!
    taskCount(status: TaskStatus = DONE): Int! @count(of: "Task")
    own: String
    ownTask: Task
  }
  enum TaskStatus { TODO @column(name: "todo") DONE @column(name: "done") }
  interface Named @key(fields: "id") { id: ID! called: String tasks(first: Int = 2, status: TaskStatus = TODO): [Task!]! }
  type Person implements Named @entity(table: "people") @key(fields: "id") @key(fields: "email") {
    id: ID!
    email: String!
    name: String!
    called: String @column(name: "nick")
    boss: Person @relation(from: ["boss_id"])
    home: Home @embedded
    maker: Maker
    tasks(first: Int = 4, status: TaskStatus = DONE): [Task!]! @relation(to: ["assignee_id"])
    owned(first: Int, after: String, last: Int, before: String, status: TaskStatus): TaskConnection! @relation(to: ["owner_id"])
    taskCount(status: TaskStatus): Int! @count(of: "Task", to: ["assignee_id"])
    shout: String
    reports: Int @external
    busy: Boolean @requires(fields: "reports")
  }
  type Home { street: String zip: Int }
  type Maker @key(fields: "id") { id: ID! people(first: Int): [Person!]! @relation(from: ["id"], to: ["maker_id"]) size: Int @external }
  type Task @entity @key(fields: "id") {
    id: ID!
    title: String!
    status: TaskStatus!
    points: Int
    estimate: Decimal
    labels: [String!]!
    extra: JSON
    weight: Float
    urgent: Boolean!
    dueDate: Date
    cells: [Int]
    mood: Mood
    assignee: Person
    owner: Person!
  }
  type Desk implements Named @entity @key(fields: "id") { id: ID! called: String @column(name: "room") tasks(first: Int = 1, status: TaskStatus = DONE): [Task!]! @relation(from: ["id"], to: ["owner_id"]) }
  type PersonConnection { edges: [PersonEdge!]! nodes: [Person!]! pageInfo: PageInfo! totalCount: Int! }
  type PersonEdge { node: Person! cursor: String! }
  type TaskConnection { edges: [TaskEdge!]! nodes: [Task!]! pageInfo: PageInfo! totalCount: Int! }
  type TaskEdge { node: Task! cursor: String! }
`;

const mood = new GraphQLScalarType({
  name: 'Mood',
  serialize: (value) => `so ${String(value)}`,
  parseValue: (value) => value,
});

const resolvers: UserResolvers = {
  Mood: mood,
  Query: {
    own: () => 'own',
    ownTask: (_parent: unknown, _args: unknown, { loaders }: { loaders: EntityLoaders }) =>
      loaders.one('Task', ['id'], ['1']),
  },
  Person: {
    shout: ({ name }: { name: string }) => name.toUpperCase(),
    busy: ({ reports }: { reports?: number }) => (reports ?? 0) > 3,
  },
};

const people = Array.from({ length: 6 }, (_, i): Row => ({
  id: String(i + 1),
  email: `p${i + 1}@x`,
  name: `person ${i + 1}`,
  nick: i % 2 === 0 ? `nick ${i}` : null,
  boss_id: i === 0 ? null : String((i % 3) + 1),
  home_street: i % 3 === 0 ? null : `street ${i}`,
  home_zip: i % 3 === 0 ? null : i,
  maker_id: i % 2 === 0 ? '7' : null,
}));
const tasks = Array.from({ length: 12 }, (_, i): Row => ({
  id: String(i + 1),
  title: `task ${i + 1}`,
  status: i % 2 === 0 ? 'todo' : 'done',
  points: i % 3 === 0 ? null : i,
  estimate: i % 4 === 0 ? null : `${i}.50`,
  labels: i % 2 === 0 ? [] : ['a', `l${i}`],
  extra: i % 2 === 0 ? null : { k: [i, null, { deep: true }] },
  weight: i / 4,
  urgent: i % 2 === 1,
  due_date: '2026-01-31',
  cells: [i, null],
  mood: i % 5 === 0 ? null : 'well',
  assignee_id: i % 4 === 0 ? null : String((i % 6) + 1),
  owner_id: String((i % 5) + 1),
}));
/** What cannot be shown, beyond what lists come to. */
const odd: Row = { ...tasks[0], id: '13', weight: NaN, cells: [[1]], labels: ['a', null] };
const desks = [
  { id: '1', room: 'one' },
  { id: '2', room: 'two' },
];

export interface PlannedApp {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly rows: Readonly<Record<string, readonly Row[]>>;
}

export async function plannedApp(): Promise<PlannedApp> {
  const files = { resolvers, catalog: CATALOG };
  const compiled = await compileSdl(PLANNED_SDL, files);
  const never = { regionHealth: '', conflicts: '' };
  const schema = buildSchema({
    model: compiled.model,
    typeDefs: compiled.typeDefs,
    enums: compiled.enums,
    adminFields: never,
    user: resolvers,
    write: null as never,
    health: null as never,
  });
  return { schema, model: compiled.model, rows: { Person: people, Task: [...tasks, odd], Desk: desks } };
}

/** Loaders over rows in memory, with the batches of real ones. */
export class MemoryLoaders {
  /** Every batch that was asked for, in order. */
  readonly batches: string[] = [];
  /** Batches whose name contains one of these fail. */
  readonly failing: string[] = [];
  readonly #app: PlannedApp;
  readonly #loaders = new Map<string, DataLoader<readonly unknown[], unknown, string>>();

  constructor(app: PlannedApp) {
    this.#app = app;
  }

  /** As what an operation asks. */
  get loaders(): EntityLoaders {
    return this as unknown as EntityLoaders;
  }

  async one(entity: string, columns: readonly string[], values: readonly unknown[]): Promise<Row | null> {
    const find = this.#finder(entity, columns, values);
    return (await this.#load(`one ${entity} by ${columns.join()}`, values, find)) as Row | null;
  }

  async list(
    field: ListField,
    parent: readonly unknown[] | null,
    args: Readonly<Record<string, unknown>>,
  ): Promise<readonly Row[]> {
    const find = this.#lister(field, args);
    return (await this.#load(`list ${this.#name(field, args)}`, parent ?? [], find)) as readonly Row[];
  }

  async page(
    field: ConnectionField,
    parent: readonly unknown[] | null,
    args: Readonly<Record<string, unknown>>,
  ): Promise<Page> {
    await Promise.all([]);
    const size = sizeOf(args);
    const find = (key: readonly unknown[]): readonly Row[] => this.#selected(field, key, args).slice(0, size);
    const rows = (await this.#load(`page ${this.#name(field, args)}`, parent ?? [], find)) as readonly Row[];
    return pageOf(rows, size, () => this.count(field, parent, args));
  }

  async totalCount(
    field: ConnectionField,
    parent: readonly unknown[] | null,
    args: Readonly<Record<string, unknown>>,
  ): Promise<number> {
    await Promise.all([]);
    return this.count(field, parent, args);
  }

  async count(
    field: Countable,
    parent: readonly unknown[] | null,
    args: Readonly<Record<string, unknown>>,
  ): Promise<number> {
    return (await this.#load(
      `count ${this.#name(field, args)}`,
      parent ?? [],
      (key) => this.#selected(field, key, args).length,
    )) as number;
  }

  /** The same rows at once. */
  get now(): LoadersNow {
    const now: Pick<LoadersNow, 'isNow' | 'nextPass' | 'one' | 'list' | 'page' | 'totalCount' | 'count'> = {
      isNow: true,
      nextPass: () => undefined,
      one: (entity, columns, values) => this.#finder(entity, columns, values)(values),
      list: (field, parent, args = {}) => this.#lister(field, args)(parent ?? []),
      page: (field, parent, args = {}) => {
        const size = sizeOf(args);
        return pageOf(this.#selected(field, parent ?? [], args).slice(0, size), size, () =>
          this.count(field, parent, args),
        );
      },
      totalCount: (field, parent, args = {}) => this.#selected(field, parent ?? [], args).length,
      count: (field, parent, args = {}) => this.#selected(field, parent ?? [], args).length,
    };
    return now as LoadersNow;
  }

  #finder(
    entity: string,
    columns: readonly string[],
    values: readonly unknown[],
  ): (key: readonly unknown[]) => Row | null {
    if (values.includes('none')) throw new MeridianError({ code: 'BAD_USER_INPUT', message: 'no key is none' });
    return (key) =>
      this.#rows(entity).find((row) => columns.every((column, i) => String(row[column]) === String(key[i]))) ?? null;
  }

  #lister(field: ListField, args: Readonly<Record<string, unknown>>): (key: readonly unknown[]) => readonly Row[] {
    const first = args['first'];
    if (typeof first === 'number' && first < 0)
      throw new MeridianError({ code: 'BAD_USER_INPUT', message: 'fewer than none' });
    return (key) => this.#selected(field, key, args).slice(0, typeof first === 'number' ? first : field.limit);
  }

  #rows(entity: string): readonly Row[] {
    return this.#app.rows[entity] ?? [];
  }

  #name(field: Countable, args: object): string {
    return `${field.target} by ${field.join.to.join()} ${canonicalText(args)}`;
  }

  #selected(
    { target, join }: Countable,
    parent: readonly unknown[],
    args: Readonly<Record<string, unknown>>,
  ): readonly Row[] {
    return this.#rows(target).filter(
      (row) =>
        join.to.every((column, i) => String(row[column]) === String(parent[i])) &&
        (args['status'] === undefined || args['status'] === null || row['status'] === args['status']),
    );
  }

  #load(name: string, key: readonly unknown[], find: (key: readonly unknown[]) => unknown): Promise<unknown> {
    const made =
      this.#loaders.get(name) ??
      new DataLoader<readonly unknown[], unknown, string>(
        async (keys) => {
          this.batches.push(`${name}: ${keys.map((one) => one.join('+')).join(' ')}`);
          await new Promise((resolve) => setImmediate(resolve));
          if (this.failing.some((part) => name.includes(part)))
            throw new MeridianError({ code: 'DATABASE_ERROR', message: `${name} fails` });
          return keys.map(find);
        },
        { cacheKeyFn: (one) => JSON.stringify(one) },
      );
    this.#loaders.set(name, made);
    return made.load(key);
  }
}

function sizeOf(args: Readonly<Record<string, unknown>>): number {
  const size = (args['first'] ?? args['last'] ?? 2) as number;
  if (size < 0) throw new MeridianError({ code: 'BAD_USER_INPUT', message: 'fewer than none' });
  return size;
}

function pageOf(rows: readonly Row[], size: number, totalCount: Page['totalCount']): Page {
  const edges = rows.map((node) => ({
    node,
    get cursor() {
      return `at ${String(node['id'])}`;
    },
  }));
  return {
    edges,
    nodes: rows,
    pageInfo: {
      hasNextPage: rows.length === size,
      hasPreviousPage: false,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount,
  };
}
