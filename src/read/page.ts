/**
 * Owns pages: the interpretation of `first`, `after`, `last` and `before`, and the connection built from the rows
 * (Relay cursor connections).
 */
import { type ConnectionField, type Entity, type Row } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { decodeCursor, encodeCursor, orderSignature, placeOf, type CursorOrder } from './cursor.ts';
import { argument, badInput, type Arguments } from './input.ts';
import { afterCondition, orderOf, reversed, type Condition, type SortTerm } from './sql/order.ts';

export interface Edge {
  readonly node: Row;
  readonly cursor: string;
}

export interface PageInfo {
  /**
   * Relay's rule: exact in the direction of travel, by reading one row ahead. In the other direction true where a
   * cursor was given, since that cursor's row lies there. The row may have been deleted since, but checking that would
   * cost a statement.
   */
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export interface PagePlan extends CursorOrder {
  readonly size: number;
  /** Reads the order from its end; the rows must be reversed. */
  readonly backward: boolean;
  readonly after: boolean;
  readonly before: boolean;
  /** The order in which the statement reads. */
  readonly readTerms: readonly SortTerm[];
  /** The conditions that the cursors add. */
  readonly conditions: readonly Condition[];
  readonly clientShaped: boolean;
}

const CURSORS = ['after', 'before'] as const;
type CursorArgument = (typeof CURSORS)[number];

/** The rows that cursors identify by key, as returned by `rowsNamed`; null where the row no longer exists. */
export type NamedRows = ReadonlyMap<CursorArgument, Row | null>;

/**
 * The rows whose position must be looked up before the page can be planned: argument → primary key. Throws as
 * `planPage` does.
 */
export function rowsNamed(
  entity: Entity,
  field: ConnectionField,
  args: Arguments,
): ReadonlyMap<CursorArgument, readonly SqlParam[]> {
  const given = CURSORS.filter((name) => (argument(args, name) ?? null) !== null);
  if (given.length === 0) return new Map();
  const order = cursorOrder(entity, field, args);
  return new Map(
    given.flatMap((name) => {
      const place = decodeCursor(argument(args, name), { ...order, argument: name });
      return 'key' in place ? [[name, place.key]] : [];
    }),
  );
}

function cursorOrder(
  entity: Entity,
  field: ConnectionField,
  args: Arguments,
): CursorOrder & { readonly clientShaped: boolean } {
  const { terms, clientShaped } = orderOf(entity, field, args);
  return { entity, terms, signature: orderSignature(entity, terms), clientShaped };
}

interface CursorValuesInput {
  readonly order: CursorOrder;
  readonly cursor: unknown;
  readonly name: CursorArgument;
  readonly named: NamedRows;
}

/** The values of the order's columns at the cursor's position. Throws `BAD_USER_INPUT`. */
function cursorValues({ order, cursor, name, named }: CursorValuesInput): readonly SqlParam[] {
  const place = decodeCursor(cursor, { ...order, argument: name });
  if ('values' in place) return place.values;
  const row = named.get(name) ?? null;
  if (row === null)
    throw badInput(
      `The row that "${name}" names is gone, and with it its place in the order; go on from the cursor of another row, or begin anew.`,
    );
  return placeOf(order, row);
}

export interface PlanPageInput {
  readonly entity: Entity;
  readonly field: ConnectionField;
  readonly args: Arguments;
  readonly named: NamedRows;
}

/**
 * Plans the page that the arguments describe; `named` holds the rows of `rowsNamed`. With neither `first` nor `last`,
 * the page has the default size and runs forward, or backward when only `before` is given. Throws `BAD_USER_INPUT` for
 * both at once, for sizes out of range, for cursors of another list or order, and for cursors whose row no longer
 * exists.
 */
export function planPage({ entity, field, args, named }: PlanPageInput): PagePlan {
  const given = (name: string): unknown => argument(args, name) ?? null;
  const { clientShaped, ...order } = cursorOrder(entity, field, args);
  const { terms } = order;
  const [after, before] = [given('after'), given('before')];
  const first = pageSize(given('first'), 'first', field.maxPageSize);
  const last = pageSize(given('last'), 'last', field.maxPageSize);
  if (first !== null && last !== null) throw badInput('"first" and "last" cannot be asked for together; choose one.');
  const backward = last !== null || (first === null && before !== null && after === null);
  const back = reversed(terms);
  const conditions: Condition[] = [];
  if (after !== null)
    conditions.push(afterCondition(entity, terms, cursorValues({ order, cursor: after, name: 'after', named })));
  if (before !== null)
    conditions.push(afterCondition(entity, back, cursorValues({ order, cursor: before, name: 'before', named })));
  return {
    size: first ?? last ?? Math.min(field.defaultPageSize, field.maxPageSize),
    backward,
    after: after !== null,
    before: before !== null,
    ...order,
    readTerms: backward ? back : terms,
    conditions,
    clientShaped,
  };
}

/** The page size that the client gave, or null. Throws `BAD_USER_INPUT` outside 0 … max. */
export function pageSize(value: unknown, name: string, max: number): number | null {
  return sizeUpTo(value, {
    name,
    max,
    tooMany: `a page of this field has at most ${max} rows (maxPageSize); ask for fewer and follow the cursors`,
  });
}

/** The same for a list, which has no further pages. */
export function listSize(value: unknown, max: number): number | null {
  return sizeUpTo(value, {
    name: 'first',
    max,
    tooMany: `this list has at most ${max} rows (its limit in the schema, or maxPageSize); ask for fewer`,
  });
}

function sizeUpTo(
  value: unknown,
  { name, max, tooMany }: { readonly name: string; readonly max: number; readonly tooMany: string },
): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw badInput(`"${name}" must be a whole number from 0 to ${max}.`);
  if (value > max) throw badInput(`"${name}" is ${value}, but ${tooMany}.`);
  return value;
}

class RowEdge implements Edge {
  readonly node: Row;
  readonly #plan: PagePlan;

  constructor(node: Row, plan: PagePlan) {
    this.node = node;
    this.#plan = plan;
  }

  /** Encoded on access: most clients use one or two cursors of a page. */
  get cursor(): string {
    return encodeCursor(this.#plan, this.node);
  }
}

export interface PageRows {
  readonly edges: readonly Edge[];
  readonly pageInfo: PageInfo;
}

/** Builds the page from `rows` as read, which hold up to one row more than the page's size. */
export function pageOf(plan: PagePlan, rows: readonly Row[]): PageRows {
  const more = rows.length > plan.size;
  const kept = rows.slice(0, plan.size);
  const edges = (plan.backward ? kept.reverse() : kept).map((row) => new RowEdge(row, plan));
  return {
    edges,
    pageInfo: {
      hasNextPage: plan.backward ? plan.before : more || plan.before,
      hasPreviousPage: plan.backward ? more || plan.after : plan.after,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null;
      },
    },
  };
}

export const EMPTY_PAGE: PageRows = {
  edges: [],
  pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
};
