/**
 * Owns what one operation's reads are prepared with: the slice, the page or the count of each field and its arguments,
 * made once and counted against the limit.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Options } from '../../config/options.ts';
import { type ConnectionField, type CountField, type Entity, type ListField, type Model } from '../../model/model.ts';
import { argument, type Arguments } from '../input.ts';
import { listSize, planPage, type NamedRows, type PagePlan } from '../page.ts';
import { conditionsOf, type ConditionsInput } from '../sql/conditions.ts';
import { type CompiledFilters } from '../sql/filters.ts';
import { orderOf } from '../sql/order.ts';
import { type KeyValues } from '../sql/parents.ts';
import { type Slice } from '../sql/select-many.ts';
import { type Tenancy } from '../sql/tenant.ts';
import { canonicalText } from './canonical.ts';
import { namedCount, type NamedCount } from './count-loader.ts';
import { keyOf } from './key-loader.ts';
import { prepared } from './prepared.ts';

export type LoaderLimits = Pick<
  Options,
  'maxBatch' | 'maxLoaders' | 'maxFilterDepth' | 'maxFilterConditions' | 'maxFilterValues'
>;

/** A parent's values of the join's `from` columns, in order; null at the root. */
export type ParentValues = readonly unknown[] | null;

/**
 * Anything whose rows can be counted: a count field, or a list or connection, whose size and cursors then do not
 * matter.
 */
export type Countable = Pick<CountField, 'target' | 'join' | 'where' | 'filters' | 'caching'>;

export interface PreparationsOptions {
  readonly model: Model;
  readonly limits: LoaderLimits;
  /** Whose rows exist. */
  readonly tenancy: Tenancy;
}

/** A slice, and what becomes of its rows. */
export interface PreparedSlice<Plan> {
  readonly slice: Slice;
  readonly plan: Plan;
}

/** What was made of fields, by the text of their arguments. */
export type Made<F, T> = Map<F, Map<string, T>>;

export class Preparations {
  readonly #options: PreparationsOptions;
  #made = 0;

  constructor(options: PreparationsOptions) {
    this.#options = options;
  }

  entity(name: string): Entity {
    const entity = this.#options.model.entities.get(name);
    if (!entity) throw new TypeError(`the model has no entity ${JSON.stringify(name)}`);
    return entity;
  }

  /**
   * Null when the parent has no value there, or the viewer no tenant: there are no rows, and no statement is needed to
   * know it.
   */
  parentKey(field: Countable, parent: ParentValues): KeyValues | null {
    const entity = this.entity(field.target);
    if (this.#options.tenancy.seesNone(entity)) return null;
    if (field.join.to.length === 0) return [];
    return parent === null
      ? null
      : keyOf({ entity, columns: field.join.to, comparisons: field.join.comparisons }, parent);
  }

  /** Its plan is how many rows may come; null where as many are read as are wanted. Throws `BAD_USER_INPUT`. */
  list(field: ListField, args: Arguments, text: string): PreparedSlice<number | null> {
    const entity = this.entity(field.target);
    const { limits, tenancy } = this.#options;
    return prepared({ kind: 'list', limits, field, entity, tenancy, args: text }, () => {
      const asked = listSize(argument(args, 'first'), field.limit);
      const wanted = asked ?? (field.cuts ? field.limit : null);
      const order = orderOf(entity, field, args);
      const { conditions, clientShaped } = this.#conditions(entity, field, args);
      return {
        slice: {
          entity,
          joinColumns: field.join.to,
          comparisons: field.join.comparisons,
          conditions,
          order: order.terms,
          // One row more tells whether the list is whole; cached values tell it, too.
          limit: wanted ?? field.limit + 1,
          prepared: !clientShaped && !order.clientShaped,
        },
        plan: wanted === null ? field.limit : null,
      };
    });
  }

  /** `named`: the rows that its cursors name. Throws `BAD_USER_INPUT`. */
  page(field: ConnectionField, args: Arguments, text: string, named: NamedRows): PreparedSlice<PagePlan> {
    // Where a row has its place may have changed since it was prepared.
    if (named.size > 0) return this.#planPage(field, args, named);
    const entity = this.entity(field.target);
    const { limits, tenancy } = this.#options;
    return prepared({ kind: 'page', limits, field, entity, tenancy, args: text }, () =>
      this.#planPage(field, args, named),
    );
  }

  /** Throws `BAD_USER_INPUT`. */
  count(field: Countable, args: Arguments, text: string): NamedCount {
    const entity = this.entity(field.target);
    const { limits, tenancy } = this.#options;
    return prepared({ kind: 'count', limits, field, entity, tenancy, args: text }, () => {
      const { conditions, clientShaped } = this.#conditions(entity, field, args);
      return namedCount({ conditions, prepared: !clientShaped }, field.caching);
    });
  }

  /** One per field and arguments, made on first use and counted against the limit. Throws `BAD_USER_INPUT` above it. */
  once<F, T>(all: Made<F, T>, field: F, args: Arguments, make: (text: string) => T): T {
    const ofField = all.get(field) ?? new Map<string, T>();
    all.set(field, ofField);
    const name = canonicalText(args);
    const known = ofField.get(name);
    if (known !== undefined) return known;
    const { maxLoaders } = this.#options.limits;
    if (this.#made >= maxLoaders) {
      const what = `The operation reads more than ${maxLoaders} different relations and argument sets`;
      throw new MeridianError({
        code: 'BAD_USER_INPUT',
        message: `${what}, which is the limit; split it, or raise maxLoaders.`,
      });
    }
    const made = make(name);
    this.#made += 1;
    ofField.set(name, made);
    return made;
  }

  #conditions(entity: Entity, selection: ConditionsInput['selection'], args: Arguments): CompiledFilters {
    const { limits, tenancy } = this.#options;
    return conditionsOf({ entity, selection, args, limits, tenancy });
  }

  #planPage(field: ConnectionField, args: Arguments, named: NamedRows): PreparedSlice<PagePlan> {
    const entity = this.entity(field.target);
    const plan = planPage({ entity, field, args, named });
    const { conditions, clientShaped } = this.#conditions(entity, field, args);
    return {
      slice: {
        entity,
        joinColumns: field.join.to,
        comparisons: field.join.comparisons,
        conditions: [...conditions, ...plan.conditions],
        order: plan.readTerms,
        // One row more tells whether there is another page.
        limit: plan.size + 1,
        prepared: !clientShaped && !plan.clientShaped,
      },
      plan,
    };
  }
}
