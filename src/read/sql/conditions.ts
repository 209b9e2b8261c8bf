/**
 * Owns the conditions of a selection other than its parents: the viewer's tenant, the condition in the SDL, and the
 * client's filters.
 */
import { type Entity, type Selection } from '../../model/model.ts';
import { type Arguments } from '../input.ts';
import { compileFilters, type CompiledFilters } from './filters.ts';
import { type FilterLimits } from './operators.ts';
import { type Condition } from './order.ts';
import { type Tenancy } from './tenant.ts';

export interface ConditionsInput {
  readonly entity: Entity;
  readonly selection: Pick<Selection, 'where' | 'filters'>;
  readonly args: Arguments;
  readonly limits: FilterLimits;
  readonly tenancy: Tenancy;
}

/** The author's SQL is put on its own lines, so that a comment at its end cannot hide what follows. */
function fixedCondition(where: string): Condition {
  return () => `(\n${where}\n)`;
}

/**
 * All conditions of a selection, joined by AND, so that no filter can remove the tenant's condition. Throws
 * `BAD_USER_INPUT`.
 */
export function conditionsOf({ entity, selection, args, limits, tenancy }: ConditionsInput): CompiledFilters {
  const { conditions, clientShaped } = compileFilters({ entity, filters: selection.filters, args, limits });
  const own = tenancy.condition(entity);
  const fixed = selection.where === null ? [] : [fixedCondition(selection.where)];
  return { conditions: [...(own === null ? [] : [own]), ...fixed, ...conditions], clientShaped };
}
