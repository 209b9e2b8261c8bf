/** Owns the completion of values for the answer: objects are collected and filled together. */
import { getNamedType, isAbstractType, isListType, isNonNullType, type GraphQLOutputType } from 'graphql';
import { itemsOf, leafOf, nothingMissing } from './leaves.ts';
import { type Answered, type Complete, type Gathered, type Running, type Selection } from './plan.ts';

/**
 * The field's selections by type name: of its type, or of each type that its objects may have; null for a field without
 * objects.
 */
export type Selections = ReadonlyMap<string, Selection> | null;

export function completing(type: GraphQLOutputType, selections: Selections): Complete {
  if (selections === null) return leafOf(type);
  const named = getNamedType(type);
  const only = isAbstractType(named) ? null : (selections.get(named.name) ?? null);
  return objects(type, (value) => only ?? selectionFor(selections, value));
}

function objects(type: GraphQLOutputType, selectionOf: (value: unknown) => Selection): Complete {
  if (isNonNullType(type)) {
    const inner = objects(type.ofType, selectionOf);
    return (value, next) => nothingMissing(inner(value, next));
  }
  if (isListType(type)) {
    const inner = objects(type.ofType, selectionOf);
    return (value, next) =>
      value === null || value === undefined ? null : itemsOf(value, (item) => inner(item, next));
  }
  return (value, next) => {
    if (value === null || value === undefined) return null;
    if (value instanceof Error) throw value;
    return next.add(selectionOf(value), value);
  };
}

/** For an abstract type, `__typename` of the object names its type. */
function selectionFor(selections: ReadonlyMap<string, Selection>, value: unknown): Selection {
  const name =
    typeof value === 'object' && value !== null ? (value as { readonly __typename?: unknown }).__typename : undefined;
  const found = typeof name === 'string' ? selections.get(name) : undefined;
  if (found === undefined) throw new TypeError('an object does not say of which type it is');
  return found;
}

interface Level {
  readonly sources: unknown[];
  readonly outs: Answered[];
}

/** The objects of one field, for any number of parents. */
export class Gathering implements Gathered {
  readonly #levels = new Map<Selection, Level>();
  #last: Level = { sources: [], outs: [] };
  #lastOf: Selection | null = null;

  add(selection: Selection, source: unknown): Answered {
    // Usually all objects have one type.
    const { sources, outs } = selection === this.#lastOf ? this.#last : this.#level(selection);
    const out: Answered = {};
    sources.push(source);
    outs.push(out);
    return out;
  }

  fill(run: Running): void {
    for (const [selection, { sources, outs }] of this.#levels) run.fill(selection, sources, outs);
  }

  #level(selection: Selection): Level {
    const level = this.#levels.get(selection) ?? { sources: [], outs: [] };
    this.#levels.set(selection, level);
    [this.#last, this.#lastOf] = [level, selection];
    return level;
  }
}
