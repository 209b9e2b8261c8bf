/**
 * Owns what keeps writes within the viewer's tenant (R11): which rows they may touch and refer to, and what becomes of
 * those that may not.
 */
import { MeridianError } from '../base/errors.ts';
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Column, type Entity, type TenantReference } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { equalsSql, matchSql } from '../read/sql/comparing.ts';
import { columnType } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { tenantParam, type Tenancy } from '../read/sql/tenant.ts';
import { refusalOf, refusalSql } from './refusal.ts';

/** A column and the value that it is given, and by which input field; null where Meridian gives it. */
export interface Assignment {
  readonly column: Column;
  readonly value: SqlParam;
  readonly path: string | null;
}

const MOVED = 'other_tenant';
const REFERENCE = /^reference_(\d+)$/;

/**
 * What an insert adds of its own: the viewer's tenant, where the input leaves it out. Throws `FORBIDDEN` for a viewer
 * without one.
 */
export function tenantAssignment(
  entity: Entity,
  tenancy: Tenancy,
  given: readonly Assignment[],
): readonly Assignment[] {
  if (!tenancy.applies(entity)) return [];
  const value = tenancy.valueFor(entity);
  if (value === null) {
    throw new MeridianError({
      code: 'FORBIDDEN',
      message: `A viewer without a tenant cannot write rows of ${entity.name}, which belong to tenants; sign in with a token that names yours.`,
    });
  }
  const column = entity.columns.get(entity.tenant);
  // A tenant's own row gets its key from the database, which will not be the viewer's: it is refused when it is there.
  const numbered =
    column?.hasDefault === true && entity.primaryKey.length === 1 && entity.primaryKey[0] === entity.tenant;
  return column === undefined || numbered || given.some((one) => one.column === column)
    ? []
    : [{ column, value, path: null }];
}

/** Another tenant's name among the values is refused whoever that is. Throws `FORBIDDEN`. */
export function refuseForeignTenant(entity: Entity, tenancy: Tenancy, given: readonly Assignment[]): void {
  if (!tenancy.applies(entity)) return;
  const named = given.find(({ column }) => column.name === entity.tenant);
  if (!named || named.value === tenancy.valueFor(entity)) return;
  throw new MeridianError({
    code: 'FORBIDDEN',
    message: `"${named.path ?? named.column.name}" must be the viewer's own tenant, or be left out; nothing was written.`,
  });
}

export interface ReferenceCheckInput {
  readonly entity: Entity;
  readonly references: readonly TenantReference[];
  readonly tenancy: Tenancy;
  readonly given: readonly Assignment[];
}

/**
 * Fails the transaction, before the row is written, where the given values refer to a row that is another tenant's,
 * just as where there is no such row; null where they refer to none. What a reference leaves out (a trigger or a
 * default fills it in) is not compared.
 */
export function referenceCheck({ entity, references, tenancy, given }: ReferenceCheckInput): Statement | null {
  const params = new Params();
  const values = new Map(given.map(({ column, value }) => [column.name, value]));
  const tests = references.flatMap((reference, i) => {
    const pairs = reference.columns.flatMap((column, j) => {
      const value = values.get(column);
      return value === undefined
        ? []
        : [{ column, to: reference.toColumns[j] ?? '', value, comparison: reference.comparisons?.[j] }];
    });
    // A null in any column of a foreign key means that it refers to nothing.
    if (pairs.length === 0 || pairs.some(({ value }) => value === null)) return [];
    const matches = pairs.map(({ column, to, value, comparison }) => {
      const type = columnType(entity, column);
      return matchSql({ reference: `"$to".${quoteIdentifier(to)}`, type, comparison, value: params.add(type, value) });
    });
    const own = ownSql(reference, tenancy, params);
    const found = `EXISTS (SELECT FROM ${quoteIdentifier(reference.table.schema)}.${quoteIdentifier(reference.table.name)} AS "$to" WHERE ${[...matches, ...own].join(' AND ')})`;
    return [`CASE WHEN ${found} THEN NULL ELSE ${refusalSql(`reference_${i}`)} END`];
  });
  return tests.length === 0
    ? null
    : statement(`SELECT ${tests.map((test, i) => `${test} AS "$${i}"`).join(', ')}`, params);
}

function ownSql({ tenant, tenantType }: TenantReference, tenancy: Tenancy, params: Params): readonly string[] {
  if (tenancy.isAll) return [];
  const value = tenancy.valueOf(tenantType);
  return [
    value === null
      ? 'FALSE'
      : matchSql({
          reference: `"$to".${quoteIdentifier(tenant)}`,
          type: tenantType,
          comparison: null,
          value: tenantParam(tenantType, value, params),
        }),
  ];
}

/**
 * A further output column of RETURNING that fails the transaction where the row, with what triggers made of it, is
 * another tenant's.
 */
export function staysSql(entity: Entity, tenancy: Tenancy, params: Params): string {
  if (!tenancy.applies(entity)) return '';
  const value = tenancy.valueFor(entity);
  const own =
    value === null
      ? 'FALSE'
      : equalsSql(entity, entity.tenant, tenantParam(columnType(entity, entity.tenant), value, params));
  return `, CASE WHEN ${own} THEN NULL ELSE ${refusalSql(MOVED)} END AS "$tenant"`;
}

/** The error that the client is told where one of these conditions failed the transaction; null for any other error. */
export function tenantRefusal(
  error: unknown,
  entity: Entity,
  references: readonly TenantReference[],
): MeridianError | null {
  const reason = refusalOf(error);
  if (reason === MOVED) {
    return new MeridianError({
      code: 'FORBIDDEN',
      message: `The ${entity.name} would belong to another tenant than the viewer's; nothing was written.`,
      cause: error,
    });
  }
  const reference = references[Number(REFERENCE.exec(reason ?? '')?.[1])];
  if (!reference) return null;
  // As the database says it of a row that does not exist.
  const { constraint, columns } = reference;
  const table = entity.table.name;
  return new MeridianError({
    code: 'CONSTRAINT_VIOLATION',
    message: `The row refers to one that does not exist (${columns.join(', ')}).`,
    details: { sqlState: '23503', constraint, table, columns },
    cause: error,
  });
}
