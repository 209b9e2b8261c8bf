/** Owns a small entity for the unit tests of reading and writing. */
import { NO_CONFLICTS, type Column, type Entity, type ScalarKind } from '../../../src/model/model.ts';

const column = (name: string, sql: string, kind: ScalarKind, nullable = false): [string, Column] => [
  name,
  {
    name,
    type: { sql, kind, array: sql.endsWith('[]') },
    nullable,
    hasDefault: name === 'id',
    exact: kind === 'bigint',
  },
];

export const TASKS: Entity = {
  name: 'Task',
  table: { schema: 'public', name: 'tasks' },
  columns: new Map([
    column('id', 'bigint', 'bigint'),
    column('project_id', 'bigint', 'bigint'),
    column('title', 'character varying(80)', 'text'),
    column('due', 'date', 'date', true),
    column('at', 'timestamptz', 'timestamptz'),
    column('labels', 'text[]', 'text'),
  ]),
  fields: new Map(),
  primaryKey: ['id'],
  uniqueKeys: [['id']],
  federationKeys: [['id']],
  keyPaths: [['id']],
  external: [],
  version: null,
  conflict: NO_CONFLICTS,
  tenant: null,
  caching: { off: null, ttlMs: null, maxVariants: null },
  spot: { file: 'test.graphql', line: 1 },
};
