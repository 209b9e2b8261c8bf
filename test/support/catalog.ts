/** Owns catalogs written by hand, for tests of the schema compiler that need no database. */
import {
  tableKey,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  type ForeignKey,
  type PairOperator,
  type Policy,
  type Publishing,
  type Relation,
} from '../../src/model/catalog.ts';
import { type ScalarKind } from '../../src/model/model.ts';
import { identifierOf } from '../../src/model/sql-names.ts';

const KINDS: Readonly<Record<string, ScalarKind>> = {
  integer: 'int',
  bigint: 'bigint',
  numeric: 'numeric',
  'double precision': 'float',
  text: 'text',
  uuid: 'uuid',
  boolean: 'bool',
  date: 'date',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
  time: 'time',
  jsonb: 'json',
  bytea: 'bytea',
  inet: 'other',
};

export interface TableSketch {
  readonly schema?: string;
  readonly view?: boolean;
  /**
   * `'id bigint'`, `'note text null'`, `'at timestamptz default'`, `'sum numeric readonly'`, `'status enum(A,B)'`,
   * `'tags text[]'`, `'"due date" date'`.
   */
  readonly columns: readonly string[];
  readonly primaryKey?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  /** `'project_id -> projects.id'`; several columns joined by `+`. */
  readonly references?: readonly (string | ForeignKey)[];
  readonly indexes?: readonly (readonly string[])[];
  readonly fillsOnInsert?: boolean;
  /** Unless given: a table, or a view. */
  readonly relation?: Relation;
  readonly isLogged?: boolean;
  readonly isInherited?: boolean;
  readonly keepsOldRows?: boolean;
  /** Unless given: everything of it is published. */
  readonly publishing?: Publishing | null;
  readonly policies?: readonly Policy[];
}

function columnOf(sketch: string): CatalogColumn {
  const match = /^("(?:[^"]|"")+"|\S+) ([^(]+?)(?:\(([^)]*)\))?(\[\])?((?: (?:null|default|readonly))*)$/.exec(sketch);
  if (!match) throw new Error(`not a column: ${sketch}`);
  const [, spelled = '', base = '', labels, array, rest = ''] = match;
  const name = identifierOf(spelled) ?? spelled;
  const flags = rest.split(' ');
  const isEnum = labels !== undefined;
  return {
    name,
    type: {
      sql: `${isEnum ? `public.${base}` : base}${array ?? ''}`,
      kind: isEnum ? 'enum' : (KINDS[base] ?? 'other'),
      array: array !== undefined,
    },
    nullable: flags.includes('null'),
    hasDefault: flags.includes('default') || flags.includes('readonly'),
    exact: array === undefined && (isEnum || ['bigint', 'integer', 'text', 'uuid', 'boolean'].includes(base)),
    typeId: `${isEnum ? `public.${base}` : base}${array ?? ''}`,
    comparedAs: `${isEnum ? `public.${base}` : base}${array ?? ''}`,
    looseCollation: null,
    labels: isEnum ? labels.split(',') : null,
    readOnly: flags.includes('readonly'),
  };
}

function referenceOf(sketch: string): ForeignKey {
  const [from = '', to = ''] = sketch.split(' -> ');
  const [table = '', columns = ''] = to.split('.');
  return {
    name: sketch,
    columns: from.split('+'),
    toTable: { schema: 'public', name: table },
    toColumns: columns.split('+'),
  };
}

/** As a database would: numbers with each other, and date with timestamp. */
function compare(left: string, right: string): PairOperator | null {
  const types = [left, right].sort();
  if (types.every((type) => type === 'integer' || type === 'bigint') || types.join() === 'date,timestamp')
    return { sql: '=', left, right, isUnstable: false };
  return types.every((type) => ['integer', 'bigint', 'numeric'].includes(type))
    ? { sql: '=', left: 'numeric', right: 'numeric', isUnstable: false }
    : null;
}

/** A catalog with these tables in schema `public`, unless they name another. */
export function sketchCatalog(tables: Readonly<Record<string, TableSketch>>): Catalog {
  const all = Object.entries(tables).map(([name, sketch]): CatalogTable => {
    const unique = [...(sketch.primaryKey ? [sketch.primaryKey] : []), ...(sketch.unique ?? [])];
    return {
      schema: sketch.schema ?? 'public',
      name,
      kind: sketch.view ? 'view' : 'table',
      relation: sketch.relation ?? (sketch.view ? 'view' : 'table'),
      isLogged: sketch.isLogged ?? true,
      isInherited: sketch.isInherited ?? false,
      keepsOldRows: sketch.keepsOldRows ?? true,
      publishing: sketch.publishing === undefined ? { omits: [], filtered: false } : sketch.publishing,
      policies: sketch.policies ?? null,
      columns: new Map(sketch.columns.map(columnOf).map((column) => [column.name, column])),
      primaryKey: sketch.primaryKey ?? null,
      uniqueKeys: unique,
      foreignKeys: (sketch.references ?? []).map((reference) =>
        typeof reference === 'string' ? referenceOf(reference) : reference,
      ),
      indexes: [...unique, ...(sketch.indexes ?? [])],
      fillsOnInsert: sketch.fillsOnInsert ?? false,
    };
  });
  const schemas = all.map((table) => table.schema);
  return {
    tables: new Map(all.map((table) => [tableKey(table), table])),
    searchPath: [...new Set(['public', ...schemas])],
    publication: { name: 'meridian', exists: true },
    compare,
  };
}

/** Teams with members and tasks: small, with every kind of relation. */
export const TEAMS = sketchCatalog({
  teams: {
    columns: ['id bigint readonly', 'name text', 'motto text null', 'lead_id bigint null'],
    primaryKey: ['id'],
    unique: [['name']],
    references: ['lead_id -> people.id'],
  },
  people: {
    columns: [
      'id bigint readonly',
      'team_id bigint',
      'email text',
      'nick text null',
      'age integer null',
      'version integer default',
      'photo bytea null',
    ],
    primaryKey: ['id'],
    unique: [['email'], ['team_id', 'nick']],
    references: ['team_id -> teams.id'],
    indexes: [['team_id', 'id']],
  },
  tasks: {
    columns: [
      'id bigint readonly',
      'team_id bigint',
      'assignee_id bigint null',
      'reviewer_id bigint null',
      'title text',
      'status status(TODO,DONE) default',
      'points integer null',
      'estimate numeric null',
      'labels text[] default',
      'due_date date null',
      'extra jsonb null',
      'weight double precision null',
      'urgent boolean default',
      'token uuid default',
      'address inet null',
      'created_at timestamptz default',
    ],
    primaryKey: ['id'],
    references: ['team_id -> teams.id', 'assignee_id -> people.id', 'reviewer_id -> people.id'],
    indexes: [['team_id', 'created_at']],
  },
  desks: {
    columns: ['person_id bigint', 'room text'],
    primaryKey: ['person_id'],
    references: ['person_id -> people.id'],
  },
  seats: {
    columns: ['room text', 'number integer', 'person_id bigint null'],
    primaryKey: ['room', 'number'],
    references: ['person_id -> people.id'],
  },
  notes: { columns: ['text text', 'task_id bigint null'], references: ['task_id -> tasks.id'] },
  team_load: { view: true, columns: ['team_id bigint null', 'open_tasks bigint null'] },
  log: { schema: 'audit', columns: ['id bigint readonly', 'line text'], primaryKey: ['id'] },
});
