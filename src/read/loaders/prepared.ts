/**
 * Owns the prepared conditions, orders, page plans and cache key names of fields and their arguments, kept across
 * operations. The only data of a viewer in it is the tenant's value, which is part of the entry's name.
 */
import { LRUCache } from 'lru-cache';
import { type Entity } from '../../model/model.ts';
import { type Tenancy } from '../sql/tenant.ts';

/** Maximum number of entries (field, arguments and tenant) under one set of limits. */
const MOST = 2_000;
/** Entries with longer arguments (in characters) are not kept, so that clients cannot fill the memory. */
const LONGEST_ARGUMENTS = 2_048;

export interface PreparedFor {
  readonly kind: 'list' | 'page' | 'count';
  /** Entries that were validated under other limits are not reused. */
  readonly limits: object;
  /** Identifies the field by object, like the entity: another model has other objects. */
  readonly field: object;
  readonly entity: Entity;
  readonly tenancy: Tenancy;
  /** `canonicalText` of the arguments. */
  readonly args: string;
}

const memories = new WeakMap<object, LRUCache<string, object>>();
const numbers = new WeakMap<object, number>();
let last = 0;

function numberOf(object: object): number {
  let number = numbers.get(object);
  if (number === undefined) {
    number = last += 1;
    numbers.set(object, number);
  }
  return number;
}

/** Identifies the tenant whose rows of the entity are visible; the same text where all rows are visible. */
export function tenantText(tenancy: Tenancy, entity: Entity): string {
  return tenancy.applies(entity) ? JSON.stringify([tenancy.valueFor(entity)]) : '';
}

/**
 * The kept result of `make`, which must depend on nothing but the arguments given here. Errors are thrown and not kept.
 */
export function prepared<T extends object>(
  { kind, limits, field, entity, tenancy, args }: PreparedFor,
  make: () => T,
): T {
  if (args.length > LONGEST_ARGUMENTS) return make();
  let memory = memories.get(limits);
  if (memory === undefined) memories.set(limits, (memory = new LRUCache({ max: MOST })));
  const name = `${kind} ${numberOf(field)} ${numberOf(entity)} ${tenantText(tenancy, entity)} ${args}`;
  const known = memory.get(name);
  if (known !== undefined) return known as T;
  const made = make();
  memory.set(name, made);
  return made;
}
