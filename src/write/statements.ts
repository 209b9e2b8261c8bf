/** Owns the statements of mutations: one insert, update or delete from a field's arguments, returning the whole row, within the viewer's tenant. */
import { type Column, type Entity, type WriteField } from '../model/model.ts';
import { argument, badInput, inputParam, type Arguments } from '../read/input.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns } from '../read/sql/columns.ts';
import { columnReference, columnType, fromTable, quoteIdentifier } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { type Tenancy } from '../read/sql/tenant.ts';
import { referenceCheck, refuseForeignTenant, staysSql, tenantAssignment, type Assignment } from './tenant.ts';

/** What a mutation field is asked for. */
export interface WriteRequest {
  readonly entity: Entity;
  readonly field: WriteField;
  readonly args: Arguments;
  /** Whose rows may be touched and referred to. */
  readonly tenancy: Tenancy;
}

/**
 * The statements of a mutation field, for one transaction. The last one returns every mapped column of the row it touched (read it with
 * `readRow`), or no row when its key names none of the viewer's; one before it may refuse the transaction (`tenantRefusal`). Only input
 * fields that were given are written; null writes NULL. An update without any leaves the row as it is, version included, and returns it.
 * Throws `BAD_USER_INPUT` that names the field, and `FORBIDDEN`.
 */
export function writeStatements(request: WriteRequest): readonly Statement[] {
  const { entity, field, args, tenancy } = request;
  if (field.kind === 'delete') return [deleteStatement(request)];
  const given = assignmentsOf(entity, field, args);
  refuseForeignTenant(entity, tenancy, given);
  const write = field.kind === 'insert' ? insertStatement(request, given) : updateStatement(request, given);
  const check = referenceCheck(entity, field.references, tenancy, given);
  return check === null ? [write] : [check, write];
}

function columnOf(entity: Entity, name: string): Column {
  const column = entity.columns.get(name);
  if (!column) throw new TypeError(`entity ${entity.name} maps no column ${JSON.stringify(name)}`);
  return column;
}

/** The given values, in the order in which the model lists them, so that one set of fields has one statement. */
function assignmentsOf(entity: Entity, field: WriteField, args: Arguments): readonly Assignment[] {
  const source = field.inputArgument === null ? args : (argument(args, field.inputArgument) ?? {});
  if (typeof source !== 'object' || Array.isArray(source)) throw badInput(`"${field.inputArgument}" must be an object.`);
  const assignments: Assignment[] = [];
  for (const [name, columnName] of field.values) {
    const column = columnOf(entity, columnName);
    const path = field.inputArgument === null ? name : `${field.inputArgument}.${name}`;
    const given = argument(source as Arguments, name);
    // A column that is left out takes its default or what a trigger fills in; the database knows whether it must be given.
    if (given === undefined) continue;
    if (given === null && !column.nullable) throw badInput(`"${path}" must not be null; leave it out to keep ${field.kind === 'insert' ? 'its default' : 'it as it is'}.`);
    assignments.push({ column, value: inputParam(column.type, given, path), path });
  }
  return assignments;
}

function insertStatement({ entity, tenancy }: WriteRequest, given: readonly Assignment[]): Statement {
  const params = new Params();
  const version = entity.version === null ? null : columnOf(entity, entity.version);
  const first = version !== null && !version.hasDefault && !given.some(({ column }) => column === version) ? [{ column: version, value: 1 }] : [];
  const assignments = [...given, ...first, ...tenantAssignment(entity, tenancy, given)];
  const columns = assignments.map(({ column }) => quoteIdentifier(column.name)).join(', ');
  const values = assignments.map(({ column, value }) => params.add(column.type, value)).join(', ');
  const content = assignments.length === 0 ? 'DEFAULT VALUES' : `(${columns}) VALUES (${values})`;
  return statement(`INSERT INTO ${fromTable(entity)} ${content} RETURNING ${outputColumns(entity)}${staysSql(entity, tenancy, params)}`, params);
}

/** `WHERE "tasks"."id" = $2::bigint`, and the viewer's tenant. */
function keyCondition({ entity, field, args, tenancy }: WriteRequest, params: Params): string {
  const tests = [...field.keyArguments].map(([name, column]) => {
    const type = columnType(entity, column);
    const value = inputParam(type, argument(args, name), name);
    if (value === null) throw badInput(`"${name}" must not be null: it chooses the row.`);
    return `${columnReference(entity, column)} = ${params.add(type, value)}`;
  });
  // Without a key the statement would write to every row.
  if (tests.length === 0) throw new TypeError(`a mutation of ${entity.name} has no key arguments`);
  const own = tenancy.condition(entity);
  return `WHERE ${[...tests, ...(own === null ? [] : [own(params)])].join(' AND ')}`;
}

function updateStatement(request: WriteRequest, given: readonly Assignment[]): Statement {
  const { entity, tenancy } = request;
  const params = new Params();
  const assignments = given.filter(({ column }) => column.name !== entity.version);
  if (assignments.length === 0) {
    return statement(`SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} ${keyCondition(request, params)}`, params);
  }
  const set = assignments.map(({ column, value }) => `${quoteIdentifier(column.name)} = ${params.add(column.type, value)}`);
  if (entity.version !== null) set.push(`${quoteIdentifier(entity.version)} = ${columnReference(entity, entity.version)} + 1`);
  const where = keyCondition(request, params);
  return statement(`UPDATE ${fromTable(entity)} SET ${set.join(', ')} ${where} RETURNING ${outputColumns(entity)}${staysSql(entity, tenancy, params)}`, params);
}

function deleteStatement(request: WriteRequest): Statement {
  const { entity } = request;
  const params = new Params();
  return statement(`DELETE FROM ${fromTable(entity)} ${keyCondition(request, params)} RETURNING ${outputColumns(entity)}`, params);
}
