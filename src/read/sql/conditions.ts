/** Owns what narrows a selection apart from its parents: the condition that the SDL fixes and the client's filters. */
import { type Entity, type Selection } from '../../model/model.ts';
import { type Arguments } from '../input.ts';
import { compileFilters, type CompiledFilters } from './filters.ts';
import { type FilterLimits } from './operators.ts';
import { type Condition } from './order.ts';

/** The author's SQL stands on lines of its own, so that a comment at its end cannot swallow what follows. */
function fixedCondition(where: string): Condition {
  return () => `(\n${where}\n)`;
}

/** Everything that must hold for a row to be selected. Throws `BAD_USER_INPUT`. */
export function conditionsOf(entity: Entity, selection: Pick<Selection, 'where' | 'filters'>, args: Arguments, limits: FilterLimits): CompiledFilters {
  const { conditions, clientShaped } = compileFilters(entity, selection.filters, args, limits);
  return { conditions: selection.where === null ? conditions : [fixedCondition(selection.where), ...conditions], clientShaped };
}
