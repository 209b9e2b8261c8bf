/**
 * Owns the statements of mutations: one insert, update or delete built from a field's arguments, which returns the
 * whole row and stays within the viewer's tenant.
 */
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Entity, type WriteField } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { argument, badInput, inputParam, type Arguments } from '../read/input.ts';
import { type Statement } from '../read/ports.ts';
import { equalsSql } from '../read/sql/comparing.ts';
import { columnOf, columnReference, columnType, fromTable } from '../read/sql/identifiers.ts';
import { Params } from '../read/sql/statement.ts';
import { type Tenancy } from '../read/sql/tenant.ts';
import { referenceCheck, refuseForeignTenant, staysSql, tenantAssignment, type Assignment } from './tenant.ts';

/** One call of a mutation field. */
export interface WriteRequest {
  readonly entity: Entity;
  readonly field: WriteField;
  readonly args: Arguments;
  /** The tenant whose rows may be written and referenced. */
  readonly tenancy: Tenancy;
}

/** A write before its RETURNING list is known, or the look at a row for an update without values. */
export interface Write {
  readonly verb: 'write' | 'look';
  readonly body: string;
  readonly params: Params;
  /** An additional output column that fails the transaction where the row would leave the viewer's tenant. */
  readonly stays: string;
  /**
   * A query for the row of an update or delete without a version, which adds its own parameters; null for all other
   * writes.
   */
  readonly found: (() => string) | null;
}

/** The write's SQL with its output columns. */
export function returning({ verb, body, stays }: Write, columns: string): string {
  return verb === 'look' ? `SELECT ${columns} FROM ${body}` : `${body} RETURNING ${columns}${stays}`;
}

/**
 * The validated values of the arguments; empty for a delete. Only given input fields are written; null writes NULL. An
 * update without values does not change the row, its version included. Throws `BAD_USER_INPUT` that names the field,
 * and `FORBIDDEN`.
 */
export function givenValues({ entity, field, args, tenancy }: WriteRequest): readonly Assignment[] {
  if (field.kind === 'delete') return [];
  const given = assignmentsOf(entity, field, args);
  refuseForeignTenant(entity, tenancy, given);
  return given;
}

/** Checks of the rows that the given values reference; they run before the write. */
export function referenceStatements(
  { entity, field, tenancy }: WriteRequest,
  given: readonly Assignment[],
): readonly Statement[] {
  const check = referenceCheck({ entity, references: field.references, tenancy, given });
  return check === null ? [] : [check];
}

/** `seen` is the version that the row must have; null for any. */
export function writeOf(request: WriteRequest, given: readonly Assignment[], seen: SqlParam): Write {
  if (request.field.kind === 'insert') return insertOf(request, given);
  return request.field.kind === 'delete' ? deleteOf(request, seen) : updateOf(request, given, seen);
}

/** The version that the client saw; null where it gives none. Throws `BAD_USER_INPUT`. */
export function seenVersion({ entity, field, args }: WriteRequest): SqlParam {
  if (field.expectedVersion === null || entity.version === null) return null;
  const input = field.inputArgument === null ? undefined : argument(args, field.inputArgument);
  const [source, path] =
    field.expectedVersion === 'argument'
      ? [args, 'expectedVersion']
      : [input as Arguments, `${field.inputArgument ?? ''}.expectedVersion`];
  return inputParam(columnType(entity, entity.version), argument(source, 'expectedVersion'), path);
}

/** The given values in the order of the model, so that one set of fields always has one statement. */
function assignmentsOf(entity: Entity, field: WriteField, args: Arguments): readonly Assignment[] {
  const source = field.inputArgument === null ? args : (argument(args, field.inputArgument) ?? {});
  if (typeof source !== 'object' || Array.isArray(source))
    throw badInput(`"${field.inputArgument}" must be an object.`);
  const assignments: Assignment[] = [];
  for (const [name, columnName] of field.values) {
    const column = columnOf(entity, columnName);
    const path = field.inputArgument === null ? name : `${field.inputArgument}.${name}`;
    const given = argument(source as Arguments, name);
    // An omitted column takes its default or a trigger's value; the database checks whether it is required.
    if (given === undefined) continue;
    if (given === null && !column.nullable)
      throw badInput(
        `"${path}" must not be null; leave it out to keep ${field.kind === 'insert' ? 'its default' : 'it as it is'}.`,
      );
    assignments.push({ column, value: inputParam(column.type, given, path), path });
  }
  return assignments;
}

/** All values of an insert: the given ones, the first version and the viewer's tenant. */
export function insertedValues({ entity, tenancy }: WriteRequest, given: readonly Assignment[]): readonly Assignment[] {
  const version = entity.version === null ? null : columnOf(entity, entity.version);
  const first =
    version !== null && !version.hasDefault && !given.some(({ column }) => column === version)
      ? [{ column: version, value: 1, path: null }]
      : [];
  return [...given, ...first, ...tenantAssignment(entity, tenancy, given)];
}

function insertOf(request: WriteRequest, given: readonly Assignment[]): Write {
  const { entity, tenancy } = request;
  const params = new Params();
  const assignments = insertedValues(request, given);
  const columns = assignments.map(({ column }) => quoteIdentifier(column.name)).join(', ');
  const values = assignments.map(({ column, value }) => params.add(column.type, value)).join(', ');
  const content = assignments.length === 0 ? 'DEFAULT VALUES' : `(${columns}) VALUES (${values})`;
  return {
    verb: 'write',
    body: `INSERT INTO ${fromTable(entity)} ${content}`,
    params,
    stays: staysSql(entity, tenancy, params),
    found: null,
  };
}

/** `WHERE "tasks"."id" = $2::bigint`, with the viewer's tenant, and the version if one is expected. */
export function keyCondition({ entity, field, args, tenancy }: WriteRequest, params: Params, seen: SqlParam): string {
  const tests = [...field.keyArguments].map(([name, column]) => {
    const type = columnType(entity, column);
    const value = inputParam(type, argument(args, name), name);
    if (value === null) throw badInput(`"${name}" must not be null: it chooses the row.`);
    return equalsSql(entity, column, params.add(type, value));
  });
  // Without a key the statement would write to every row.
  if (tests.length === 0) throw new TypeError(`a mutation of ${entity.name} has no key arguments`);
  const own = tenancy.condition(entity);
  const version =
    entity.version === null || seen === null
      ? []
      : [equalsSql(entity, entity.version, params.add(columnType(entity, entity.version), seen))];
  return `WHERE ${[...tests, ...(own === null ? [] : [own(params)]), ...version].join(' AND ')}`;
}

function updateOf(request: WriteRequest, given: readonly Assignment[], seen: SqlParam): Write {
  const { entity, tenancy } = request;
  const params = new Params();
  const assignments = given.filter(({ column }) => column.name !== entity.version);
  if (assignments.length === 0)
    return {
      verb: 'look',
      body: `${fromTable(entity)} ${keyCondition(request, params, null)}`,
      params,
      stays: '',
      found: null,
    };
  const set = assignmentSql(entity, assignments, params);
  const where = keyCondition(request, params, seen);
  return {
    verb: 'write',
    body: `UPDATE ${fromTable(entity)} SET ${set} ${where}`,
    params,
    stays: staysSql(entity, tenancy, params),
    found: foundOf(request, params, seen),
  };
}

/** `"title" = $1::text, "version" = "tasks"."version" + 1` */
export function assignmentSql(entity: Entity, assignments: readonly Assignment[], params: Params): string {
  const set = assignments.map(
    ({ column, value }) => `${quoteIdentifier(column.name)} = ${params.add(column.type, value)}`,
  );
  if (entity.version !== null)
    set.push(`${quoteIdentifier(entity.version)} = ${columnReference(entity, entity.version)} + 1`);
  return set.join(', ');
}

function deleteOf(request: WriteRequest, seen: SqlParam): Write {
  const params = new Params();
  return {
    verb: 'write',
    body: `DELETE FROM ${fromTable(request.entity)} ${keyCondition(request, params, seen)}`,
    params,
    stays: '',
    found: foundOf(request, params, seen),
  };
}

function foundOf(request: WriteRequest, params: Params, seen: SqlParam): Write['found'] {
  return seen === null ? () => `SELECT FROM ${fromTable(request.entity)} ${keyCondition(request, params, null)}` : null;
}
