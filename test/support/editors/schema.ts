/**
 * Owns the application of the editors: one entity for each policy, every rule of MERGE, and a log of every version that
 * the database ever held.
 */
import { type ConflictHandler } from '../../../src/conflict/resolve.ts';
import { startTestApp, type TestApp } from '../app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { doc(id: ID!): Doc note(id: ID!): Note plain(id: ID!): Plain ruled(id: ID!): Ruled }
  type Mutation {
    editDoc(id: ID!, expectedVersion: Int, input: DocEdit!): DocPayload! @update
    editNote(id: ID!, expectedVersion: Int, input: NoteEdit!): NotePayload! @update
    editPlain(id: ID!, expectedVersion: Int, input: PlainEdit!): PlainPayload! @update
    editRuled(id: ID!, expectedVersion: Int, input: RuledEdit!): RuledPayload! @update
  }
  type Doc @entity(version: "version") @key(fields: "id") @conflict(policy: MERGE, rule: REJECT) {
    id: ID!
    title: String!
    body: String @conflict(rule: LAST_WRITE_WINS)
    hits: BigInt! @conflict(rule: ADD)
    score: Decimal! @conflict(rule: ADD)
    top: Int! @conflict(rule: MAX)
    low: Decimal! @conflict(rule: MIN)
    tags: [String!]! @conflict(rule: UNION)
    log: [String!]! @conflict(rule: APPEND)
    story: String! @conflict(rule: APPEND)
    version: Int!
  }
  input DocEdit { title: String body: String hits: BigInt score: Decimal top: Int low: Decimal tags: [String!] log: [String!] story: String }
  type DocPayload { row: Doc conflict: DocConflict token: ConsistencyToken! }
  type DocConflict { reason: ConflictReason! version: Int fields: [String!]! }

  type Note @entity(version: "version") @key(fields: "id") @conflict(policy: LAST_WRITE_WINS) { id: ID! title: String! body: String version: Int! }
  input NoteEdit { title: String body: String }
  type NotePayload { row: Note token: ConsistencyToken! }

  type Plain @entity(version: "version") @key(fields: "id") { id: ID! title: String! body: String version: Int! }
  input PlainEdit { title: String body: String }
  "Has no place for a conflict, so that it is an error."
  type PlainPayload { row: Plain token: ConsistencyToken! }

  type Ruled @entity(table: "ruled", version: "version") @key(fields: "id") @conflict(policy: HANDLER, handler: "settle") { id: ID! title: String! points: BigInt! version: Int! }
  input RuledEdit { title: String points: BigInt }
  type RuledPayload { row: Ruled conflict: RuledConflict token: ConsistencyToken! }
  type RuledConflict { reason: ConflictReason! version: Int fields: [String!]! }
`;

/** Beyond what a double can count by ones. */
export const FIRST_HITS = 9_007_199_254_740_993n;

const LOGGED = ['docs', 'notes', 'plains', 'ruled'];
const SQL = `
  CREATE TABLE docs (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'new', body text, hits bigint NOT NULL DEFAULT ${FIRST_HITS}, score numeric NOT NULL DEFAULT 0, top int NOT NULL DEFAULT 0, low numeric NOT NULL DEFAULT 0,
    tags text[] NOT NULL DEFAULT '{}', log text[] NOT NULL DEFAULT '{}', story text NOT NULL DEFAULT '', version int NOT NULL DEFAULT 1);
  CREATE TABLE notes (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'new', body text, version int NOT NULL DEFAULT 1);
  CREATE TABLE plains (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'new', body text, version int NOT NULL DEFAULT 1);
  CREATE TABLE ruled (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'new', points bigint NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 1);
  -- Kept by the database for the judge alone: nothing of Meridian's has a part in it.
  CREATE TABLE truth (at bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, relation text NOT NULL, row_now jsonb NOT NULL);
  CREATE FUNCTION keep_truth() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO truth (relation, row_now) VALUES (TG_TABLE_NAME, to_jsonb(NEW)); RETURN NULL; END $$;
  ${LOGGED.map((table) => `CREATE TRIGGER keep_truth AFTER INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION keep_truth();`).join('\n')}`;

/** Points are counted, the longer title stays, and titles that begin with "!" are refused. */
const settle: ConflictHandler = ({ base, current, incoming }) => {
  const { title, points } = incoming as { readonly title?: string; readonly points?: string };
  if (title?.startsWith('!')) return { reject: ['title'] };
  if (base === null) return { reject: Object.keys(incoming) };
  return {
    set: {
      ...(title === undefined ? {} : { title: longer(String(current['title']), title) }),
      ...(points === undefined
        ? {}
        : { points: String(BigInt(String(current['points'])) + BigInt(points) - BigInt(String(base['points']))) }),
    },
  };
};

/** `there` where they are as long. */
export const longer = (there: string, here: string): string => (here.length > there.length ? here : there);

export const EDITOR_FILES = { files: [{ name: 'editors.graphql', body: SDL }], conflicts: { settle } } as const;

/** Limits are low, so that editors meet them rather than wait. */
export const EDITOR_SETTINGS = {
  heartbeatMs: 200,
  maxWaitMs: 1_000,
  connectMs: 2_000,
  poolWaitMs: 2_000,
  statementMs: 5_000,
  idempotencyMs: 600_000,
} as const;

export function startEditorsApp(): Promise<TestApp> {
  const { files, conflicts } = EDITOR_FILES;
  return startTestApp({ files, sql: SQL, server: { conflicts }, settings: EDITOR_SETTINGS });
}
