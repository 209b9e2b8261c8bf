/**
 * Owns what loaders prepare of a field and its arguments, kept from one operation to the next: conditions, orders, page
 * plans, and the names of cached values. It holds nothing of a viewer but the tenant's value, which is a part of its
 * name.
 */
import { LRUCache } from 'lru-cache';
import { type Entity } from '../../model/model.ts';
import { type Tenancy } from '../sql/tenant.ts';

/** Fields with different arguments or tenants that are kept, under one set of limits. */
const MOST = 2_000;
/**
 * Characters of arguments that are kept: longer ones are prepared each time, so that clients cannot fill the memory.
 */
const LONGEST_ARGUMENTS = 2_048;

export interface PreparedFor {
  readonly kind: 'list' | 'page' | 'count';
  /** What was checked with other limits is not taken. */
  readonly limits: object;
  /** Of the model, as the entity is: another model has other objects. */
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

/** What tells apart whose rows of the entity exist; the same text where all rows do. */
export function tenantText(tenancy: Tenancy, entity: Entity): string {
  return tenancy.applies(entity) ? JSON.stringify([tenancy.valueFor(entity)]) : '';
}

/** What `make` gives for these, which must depend on nothing else. What it throws is thrown, and not kept. */
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
