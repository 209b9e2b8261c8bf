/**
 * Owns the tables that histories are about: their columns as the truth knows them, and the little data that they begin
 * with.
 */
import { readFileSync } from 'node:fs';
import { parseTimestamptz } from '../../src/postgres/types/types.ts';

export const TABLES = {
  organizations: ['id', 'name', 'slug', 'created_at', 'updated_at'],
  users: ['id', 'organization_id', 'name', 'email', 'bio', 'version', 'created_at', 'updated_at'],
  projects: ['id', 'organization_id', 'owner_id', 'name', 'description', 'status', 'created_at', 'updated_at'],
  tasks: [
    'id',
    'organization_id',
    'project_id',
    'assignee_id',
    'title',
    'description',
    'status',
    'priority',
    'version',
    'due_date',
    'created_at',
    'updated_at',
  ],
  comments: ['id', 'organization_id', 'task_id', 'author_id', 'body', 'created_at', 'updated_at'],
  boards: ['id', 'n', 'by'],
} as const;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** By which columns rows are looked up and listed; '' lists all. */
export const LOOKED_UP: Readonly<Record<TableName, readonly string[]>> = {
  organizations: ['', 'id'],
  users: ['id', 'email', 'organization_id'],
  projects: ['id', 'organization_id', 'owner_id'],
  tasks: ['id', 'project_id', 'assignee_id', 'organization_id'],
  comments: ['id', 'task_id'],
  boards: ['id'],
};

/** Letters that every encoding of histories has, and that none but UTF-8 writes as UTF-8 does. */
export const BOARDS = ['plain', 'café', 'größe', 'señor'] as const;

export type TruthRow = Readonly<Record<string, string | null>>;

const NUMBERS: ReadonlySet<string> = new Set(['id', 'priority']);

/** As PostgreSQL orders the two values of the column. */
export function compareValues(column: string, a: string, b: string): number {
  if (NUMBERS.has(column)) return Number(a) - Number(b);
  return a < b ? -1 : Number(a > b);
}

/** A value as an answer shows it. */
export function shownValue(column: string, value: string | null): string | null {
  return value !== null && column.endsWith('_at') ? String(parseTimestamptz(value)) : value;
}

export const jsonOfRow = (table: TableName): string =>
  `json_build_object(${TABLES[table].map((column) => `'${column}', ${column}::text`).join(', ')})`;

/**
 * Few rows, so that everybody meets at the same ones. Users 7 and up own nothing and may be dismissed. Comments keep
 * the usual replica identity: their updates and deletes say nothing of the old row.
 */
const DATA = `
INSERT INTO organizations (name, slug) VALUES ('First', 'first'), ('Second', 'second');
INSERT INTO users (organization_id, name, email) SELECT 1 + i % 2, 'user ' || i, 'u' || i || '@example' FROM generate_series(1, 12) AS i;
INSERT INTO projects (organization_id, owner_id, name) SELECT 1 + i % 2, 1 + i, 'project ' || i FROM generate_series(0, 5) AS i;
INSERT INTO tasks (organization_id, project_id, assignee_id, title, description, status, priority, due_date, created_at)
  SELECT 1, 1 + i % 6, CASE WHEN i % 4 > 0 THEN 1 + i % 12 END, 'task ' || i, 'as planned', (ARRAY['TODO', 'DOING', 'DONE']::task_status[])[1 + i % 3], i % 10,
         CASE WHEN i % 3 = 0 THEN date '2020-01-01' WHEN i % 3 = 1 THEN date '2999-01-01' END, now() - i * interval '1 minute'
  FROM generate_series(0, 29) AS i;
INSERT INTO comments (organization_id, task_id, author_id, body) SELECT 1, 1 + i % 30, 1 + i % 6, 'comment ' || i FROM generate_series(0, 59) AS i;
ALTER TABLE tasks ADD COLUMN spare integer NOT NULL DEFAULT 0;
CREATE TABLE boards (id text PRIMARY KEY, n integer NOT NULL DEFAULT 0, by text NOT NULL DEFAULT 'nobody');
INSERT INTO boards (id) VALUES ${BOARDS.map((id) => `('${id}')`).join(', ')};
`;

export function historySql(): string[] {
  return [readFileSync(new URL('../../schema/workspace/001_schema.sql', import.meta.url), 'utf8'), DATA];
}
