/**
 * The SQL of comparisons: with the operators of a type that is off the search path, by the type under a domain, and
 * between two types.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultOptions } from '../../../src/config/options.ts';
import {
  type Comparisons,
  type Entity,
  type FilterOperator,
  type Operators,
  type SqlType,
} from '../../../src/model/model.ts';
import { compileOperator } from '../../../src/read/sql/operators.ts';
import { afterCondition, type SortTerm } from '../../../src/read/sql/order.ts';
import { keySource, matchesKey } from '../../../src/read/sql/parents.ts';
import { exactPart } from '../../../src/read/sql/comparing.ts';
import { Params } from '../../../src/read/sql/statement.ts';
import { TASKS } from './tasks-entity.ts';

const of = (name: string): string => `OPERATOR("extensions".${name})`;
const OPERATORS: Operators = {
  equal: of('='),
  order: { less: of('<'), lessOrEqual: of('<='), greaterOrEqual: of('>='), greater: of('>') },
  like: of('~~'),
  ofDomain: false,
};
const citext: SqlType = { sql: 'extensions.citext', kind: 'text', array: false, operators: OPERATORS };
const mood: SqlType = {
  sql: 'public.mood',
  kind: 'enum',
  array: false,
  operators: {
    equal: '=',
    order: { less: '<', lessOrEqual: '<=', greaterOrEqual: '>=', greater: '>' },
    like: 'LIKE',
    ofDomain: true,
  },
};

const column = (name: string, type: SqlType) =>
  [name, { name, type, nullable: false, hasDefault: false, exact: false }] as const;
const entity: Entity = {
  ...TASKS,
  columns: new Map([...TASKS.columns, column('email', citext), column('mood', mood)]),
};
const condition = (name: string, operator: FilterOperator, operand: unknown): string =>
  compileOperator({ entity, limits: defaultOptions(), column: name, operator, path: name }, operand)(new Params());

describe('comparisons', () => {
  it('name the schema of operators that are not on the search path', () => {
    const email = '"tasks"."email"';
    const value = '$1::extensions.citext';
    assert.equal(condition('email', 'eq', 'a'), `${email} ${of('=')} ${value}`);
    assert.equal(condition('email', 'ne', 'a'), `(${email} ${of('=')} ${value}) IS NOT TRUE`);
    assert.equal(condition('email', 'in', ['a', 'b']), `${email} ${of('=')} ANY(${value}[])`);
    assert.equal(condition('email', 'gte', 'a'), `${email} ${of('>=')} ${value}`);
    assert.equal(condition('email', 'contains', 'a'), `${email} ${of('~~')} $1::text`);
  });

  it('cast values of a domain to the type under it', () => {
    assert.equal(condition('mood', 'eq', 'glad'), '"tasks"."mood"::public.mood = $1::public.mood');
    assert.equal(condition('mood', 'in', ['glad']), '"tasks"."mood"::public.mood = ANY($1::public.mood[])');
  });

  it('compare cursors term by term where one operator cannot stand for all columns', () => {
    const terms: readonly SortTerm[] = ['email', 'id'].map((name) => ({
      column: name,
      descending: false,
      nullable: false,
    }));
    const sql = afterCondition(entity, terms, ['a', '7'])(new Params());
    assert.equal(
      sql,
      `("tasks"."email" ${of('>=')} $1::extensions.citext AND ("tasks"."email" ${of('>')} $1::extensions.citext OR ("tasks"."email" ${of('=')} $1::extensions.citext AND "tasks"."id" > $2::bigint)))`,
    );
  });

  it('cast both sides of a key to what they are compared as, and keep only its exact part', () => {
    const numeric: SqlType = { sql: 'numeric', kind: 'numeric', array: false };
    const comparisons: Comparisons = [
      { type: numeric, equal: '=', columnCast: 'pg_catalog.numeric', valueCast: 'pg_catalog.numeric', exact: false },
      null,
    ];
    const key = { entity, columns: ['id', 'project_id'], comparisons };
    const params = new Params();
    assert.equal(
      keySource(key, [['1.00', '3']], params),
      'unnest($1::numeric[], $2::bigint[]) WITH ORDINALITY AS "$keys"("$0", "$1", "$ordinal")',
    );
    assert.equal(
      matchesKey(key),
      '"tasks"."id"::pg_catalog.numeric = "$keys"."$0"::pg_catalog.numeric AND "tasks"."project_id" = "$keys"."$1"',
    );
    assert.deepEqual(exactPart(key.columns, ['1.00', '3'], comparisons), { columns: ['project_id'], values: ['3'] });
  });

  it('send lists in a key as texts', () => {
    const list: Entity = {
      ...entity,
      columns: new Map([...entity.columns, column('tags', { sql: 'text[]', kind: 'text', array: true })]),
    };
    const params = new Params();
    const key = { entity: list, columns: ['tags'] };
    assert.equal(
      keySource(key, [[['a', 'b"\\c', null]]], params),
      'unnest($1::text[]) WITH ORDINALITY AS "$keys"("$0", "$ordinal")',
    );
    assert.deepEqual(params.values, [['{"a","b\\"\\\\c",NULL}']]);
    assert.equal(matchesKey(key), '"tasks"."tags" = "$keys"."$0"::text[]');
  });
});
