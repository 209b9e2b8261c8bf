/**
 * Owns the separation of tenants (R11): which rows are visible to a viewer, as a condition in SQL and as a test of rows
 * already read.
 */
import { type Entity, type Row, type SqlType } from '../../model/model.ts';
import { normalizeValue, type SqlParam } from '../../model/values.ts';
import { enumMemberOf, equalsSql } from './comparing.ts';
import { columnType } from './identifiers.ts';
import { type Condition } from './order.ts';
import { type Params } from './statement.ts';

/** A tenant as a value of an entity's tenant column. */
export type TenantValue = Exclude<SqlParam, null>;

/** The tenant whose rows a reader sees. Rows of entities without a tenant column are visible to all viewers. */
export class Tenancy {
  /** For code that works for all tenants. */
  static readonly all: Tenancy = new Tenancy(null, false);

  /** With null or an empty name, no row of any tenant is visible. */
  static of(tenant: string | null): Tenancy {
    return new Tenancy(tenant === '' ? null : tenant, true);
  }

  readonly #tenant: string | null;
  readonly #applies: boolean;
  readonly #values = new Map<SqlType, TenantValue | null>();

  private constructor(tenant: string | null, applies: boolean) {
    this.#tenant = tenant;
    this.#applies = applies;
  }

  /** All rows are visible. */
  get isAll(): boolean {
    return !this.#applies;
  }

  /** Whether the rows of the entity are restricted to one tenant. */
  applies(entity: Entity): entity is Entity & { readonly tenant: string } {
    return this.#applies && entity.tenant !== null;
  }

  /**
   * The viewer's tenant as a value of a column's type; null where it is no value of that type, so that no row can be
   * the viewer's.
   */
  valueOf(type: SqlType): TenantValue | null {
    const known = this.#values.get(type);
    if (known !== undefined) return known;
    const value = canonical(type, this.#tenant);
    this.#values.set(type, value);
    return value;
  }

  /** The value of the entity's tenant column in the viewer's rows; null where there are none. */
  valueFor(entity: Entity & { readonly tenant: string }): TenantValue | null {
    return this.valueOf(columnType(entity, entity.tenant));
  }

  /** Whether no row of the entity is visible to the viewer. */
  seesNone(entity: Entity): boolean {
    return this.applies(entity) && this.valueFor(entity) === null;
  }

  /** The condition that selects exactly the viewer's rows; null where all rows are visible. */
  condition(entity: Entity): Condition | null {
    if (!this.applies(entity)) return null;
    const { tenant } = entity;
    const value = this.valueFor(entity);
    if (value === null) return () => 'FALSE';
    return (params) => equalsSql(entity, tenant, tenantParam(columnType(entity, tenant), value, params));
  }

  /** Whether a row is visible to the viewer, even if it was read for another viewer. */
  has(entity: Entity, row: Row): boolean {
    if (!this.applies(entity)) return true;
    const value = this.valueFor(entity);
    return value !== null && canonical(columnType(entity, entity.tenant), row[entity.tenant]) === value;
  }
}

function canonical(type: SqlType, value: unknown): TenantValue | null {
  const normalized = normalizeValue(type, value);
  return 'problem' in normalized ? null : normalized.value;
}

/** A text that is not a label of the enum names no tenant; a direct cast would fail the statement. */
export function tenantParam(type: SqlType, value: TenantValue, params: Params): string {
  if (type.kind !== 'enum') return params.add(type, value);
  return enumMemberOf(type, params.raw('text', value));
}
