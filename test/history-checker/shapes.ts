/**
 * Owns what reads select: the fields of each type, the columns behind them, and how an answer's objects become sights.
 */
import { type Selection, type Sight, type Term } from './record.ts';
import { type TableName, type TruthRow } from './tables.ts';

type Answer = Readonly<Record<string, unknown>>;

interface Shape {
  readonly table: TableName;
  readonly fields: string;
  readonly columns: readonly string[];
}

const shape = (table: TableName, columns: readonly string[]): Shape => ({
  table,
  columns,
  fields: columns.map(fieldOf).join(' '),
});

export const TASK = shape('tasks', [
  'id',
  'title',
  'description',
  'status',
  'priority',
  'version',
  'created_at',
  'updated_at',
]);
export const USER = shape('users', ['id', 'name', 'email', 'version']);
export const PROJECT = shape('projects', ['id', 'name', 'status', 'updated_at']);
export const COMMENT = shape('comments', ['id', 'body', 'created_at']);
export const BOARD = shape('boards', ['id', 'n', 'by']);
export const ORGANIZATION = shape('organizations', ['id', 'name', 'updated_at']);

function fieldOf(column: string): string {
  return column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
}

function shownRow({ columns }: Shape, object: Answer): (string | null)[] {
  return columns.map((column) => textOf(object[fieldOf(column)]));
}

/** A row by a key, or that there is none. */
export function rowSight(of: Shape, column: string, value: string, object: Answer | null): Sight {
  return {
    selection: { table: of.table, column, value, order: [{ column: 'id' }] },
    what: 'rows',
    columns: of.columns,
    shown: JSON.stringify(object === null ? [] : [shownRow(of, object)]),
  };
}

/** Like `rowSight`, with the key of what it belongs to: `{ project { id } }` is part of the task's row. */
export function rowSightWith(of: Shape, object: Answer, belongs: Readonly<Record<string, unknown>>): Sight {
  const columns = [...of.columns, ...Object.keys(belongs)];
  const shown = [...shownRow(of, object), ...Object.values(belongs).map(textOf)];
  return {
    selection: { table: of.table, column: 'id', value: textOf(object['id']) ?? '', order: [{ column: 'id' }] },
    what: 'rows',
    columns,
    shown: JSON.stringify([shown]),
  };
}

export const CREATED: readonly Term[] = [{ column: 'created_at' }, { column: 'id' }];
export const NEWEST: readonly Term[] = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];
export const BY_ID: readonly Term[] = [{ column: 'id' }];

export interface Connection {
  readonly nodes: readonly Answer[];
  readonly totalCount?: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Fields of a connection with everything that `connectionSights` needs. */
export const connectionFields = (of: Shape): string =>
  `{ nodes { ${of.fields} } totalCount pageInfo { hasNextPage endCursor } }`;
/** The same without the count. */
export const pageFields = (of: Shape): string => `{ nodes { ${of.fields} } pageInfo { hasNextPage endCursor } }`;

/** What a connection shows: a page and a count, each true at a position of its own. */
export function connectionSights(of: Shape, selection: Omit<Selection, 'table'>, connection: Connection): Sight[] {
  const page: Sight = {
    selection: { ...selection, table: of.table },
    what: 'page',
    columns: of.columns,
    // Relay's rule: a page after a cursor says nothing else of what comes next.
    shown: JSON.stringify({
      rows: connection.nodes.map((node) => shownRow(of, node)),
      more: connection.pageInfo.hasNextPage,
    }),
  };
  if (connection.totalCount === undefined) return [page];
  return [page, countSight(page.selection, connection.totalCount)];
}

/** How many rows there are on all pages together. */
export function countSight({ table, column, value, where, whereText }: Selection, count: number): Sight {
  return {
    selection: { table, column, value, order: [], ...(where ? { where } : {}), whereText: whereText ?? '' },
    what: 'count',
    columns: [],
    shown: String(count),
  };
}

/** A list without pages. */
export function listSight(of: Shape, selection: Omit<Selection, 'table'>, nodes: readonly Answer[]): Sight {
  return {
    selection: { ...selection, table: of.table },
    what: 'rows',
    columns: of.columns,
    shown: JSON.stringify(nodes.map((node) => shownRow(of, node))),
  };
}

/** How a client narrows the tasks of a project, and what that means for their rows. */
export interface Narrowing {
  readonly args: string;
  readonly order: readonly Term[];
  readonly where?: (row: TruthRow) => boolean;
  readonly whereText?: string;
}

export const NARROWINGS: readonly Narrowing[] = [
  { args: '', order: CREATED },
  { args: 'status: TODO', order: CREATED, where: (row) => row['status'] === 'TODO', whereText: 'TODO' },
  { args: 'status: DONE', order: CREATED, where: (row) => row['status'] === 'DONE', whereText: 'DONE' },
  {
    args: 'orderBy: [PRIORITY_DESC]',
    order: [
      { column: 'priority', descending: true },
      { column: 'id', descending: true },
    ],
  },
  {
    args: 'filter: { priority: { gte: 5 } }',
    order: CREATED,
    where: (row) => Number(row['priority']) >= 5,
    whereText: 'of priority 5 and up',
  },
  {
    args: 'filter: { status: [TODO, DOING], priority: { lt: 8 } }, orderBy: [CREATED_AT_DESC]',
    order: NEWEST,
    where: (row) => row['status'] !== 'DONE' && Number(row['priority']) < 8,
    whereText: 'open and of priority below 8',
  },
];

export const isOpen = (row: TruthRow): boolean => row['status'] !== 'DONE';
export const isDone = (row: TruthRow): boolean => row['status'] === 'DONE';
export const isOverdue = (row: TruthRow): boolean => isOpen(row) && (row['due_date'] ?? '9') < '2021';
