/**
 * Owns what narrows a selection apart from its parents: the viewer's tenant, the condition that the SDL fixes, and the
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

/** The author's SQL stands on lines of its own, so that a comment at its end cannot swallow what follows. */
function fixedCondition(where: string): Condition {
  return () => `(\n${where}\n)`;
}

/**
 * Everything that must hold for a row to be selected: all of it, so that no filter can undo the tenant. Throws
 * `BAD_USER_INPUT`.
 */
export function conditionsOf({ entity, selection, args, limits, tenancy }: ConditionsInput): CompiledFilters {
  const { conditions, clientShaped } = compileFilters({ entity, filters: selection.filters, args, limits });
  const own = tenancy.condition(entity);
  const fixed = selection.where === null ? [] : [fixedCondition(selection.where)];
  return { conditions: [...(own === null ? [] : [own]), ...fixed, ...conditions], clientShaped };
}
