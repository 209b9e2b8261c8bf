/**
 * Owns the preparation of one operation's reads: the slice, page or count of each field and set of arguments, built
 * once and counted against a limit.
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

/** The parent's values of the join's `from` columns, in order; null at the root. */
export type ParentValues = readonly unknown[] | null;

/**
 * Anything whose rows can be counted: a count field, a list or a connection. The size and cursors of a list or
 * connection do not affect the count.
 */
export type Countable = Pick<CountField, 'target' | 'join' | 'where' | 'filters' | 'caching'>;

export interface PreparationsOptions {
  readonly model: Model;
  readonly limits: LoaderLimits;
  /** Restricts the rows to those of the viewer's tenant. */
  readonly tenancy: Tenancy;
}

/** A slice, and the plan by which its rows become the field's value. */
export interface PreparedSlice<Plan> {
  readonly slice: Slice;
  readonly plan: Plan;
}

/** Prepared values by field and canonical text of the arguments. */
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
   * Null when a column of the parent's key is NULL or the viewer has no tenant: then there are no rows, and no
   * statement is needed.
   */
  parentKey(field: Countable, parent: ParentValues): KeyValues | null {
    const entity = this.entity(field.target);
    if (this.#options.tenancy.seesNone(entity)) return null;
    if (field.join.to.length === 0) return [];
    return parent === null
      ? null
      : keyOf({ entity, columns: field.join.to, comparisons: field.join.comparisons }, parent);
  }

  /**
   * The plan is the limit above which the list fails; null where the list is cut at the requested size. Throws
   * `BAD_USER_INPUT`.
   */
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
          // One more row shows whether the list is complete. Cached values include it as well.
          limit: wanted ?? field.limit + 1,
          prepared: !clientShaped && !order.clientShaped,
        },
        plan: wanted === null ? field.limit : null,
      };
    });
  }

  /** `named` holds the rows that the cursors identify by key. Throws `BAD_USER_INPUT`. */
  page(field: ConnectionField, args: Arguments, text: string, named: NamedRows): PreparedSlice<PagePlan> {
    // Not kept across operations: the position of a named row may change.
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

  /**
   * One value per field and set of arguments, made on first use and counted against `maxLoaders`. Throws
   * `BAD_USER_INPUT` above it.
   */
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
        // One more row shows whether there is another page.
        limit: plan.size + 1,
        prepared: !clientShaped && !plan.clientShaped,
      },
      plan,
    };
  }
}
