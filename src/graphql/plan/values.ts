/**
 * Owns planned fields whose values are available with their object: columns, properties, and objects built from them.
 */
import { checkShowable, type ShownAs } from '../column.ts';
import { objectOf } from '../objects.ts';
import { type ObjectShape, type Row } from '../../model/model.ts';
import { Gathering } from './complete.ts';
import {
  type Answered,
  type Arguments,
  type Complete,
  type Filling,
  type Gathered,
  type PlannedField,
  type Running,
} from './plan.ts';

/** The parts of every planned field: its key in the answer, its arguments, if its type declares any, and its type. */
export interface FieldParts {
  readonly key: string;
  readonly args: Arguments | null;
  readonly complete: Complete;
  /** Whether its values are objects. */
  readonly hasObjects: boolean;
  readonly shownAs: ShownAs;
}

type ReadValue = (source: unknown, run: Running) => unknown;

/** Used for fields without objects. */
export const NOWHERE: Gathered = {
  add() {
    throw new TypeError('an object is shown where there can be none');
  },
};
const nothing = (): void => undefined;

/** A field with the same value for every object: the name of its type. */
export function constantField(key: string, value: unknown): PlannedField {
  const filling: Filling = { value: () => value, done: nothing };
  return { key, begin: () => filling };
}

export function columnField(parts: FieldParts, column: string): PlannedField {
  const { shownAs } = parts;
  return valueField(parts, (source) => {
    const value = (source as Row)[column];
    if (typeof value === 'object' || typeof value === 'number') checkShowable(column, value, shownAs);
    return value;
  });
}

export function embeddedField(parts: FieldParts, shape: ObjectShape): PlannedField {
  return valueField(parts, (source) => objectOf(shape, source as Row));
}

/** An object without a row: a namespace. */
export function objectField(parts: FieldParts): PlannedField {
  return valueField(parts, () => ({}));
}

/** Reads a property as graphql-js does: a function is called. */
export function propertyField(parts: FieldParts): PlannedField {
  const { args, shownAs } = parts;
  const { fieldName } = shownAs;
  return valueField(parts, (source, run) => {
    if (typeof source !== 'object' || source === null) return undefined;
    const value = (source as Readonly<Record<string, unknown>>)[fieldName];
    if (typeof value !== 'function') return value;
    const called: unknown = (source as Record<string, (...of: unknown[]) => unknown>)[fieldName]?.(
      run.argumentsOf(args),
      null,
      shownAs,
    );
    if (called instanceof Promise) throw new TypeError(`${fieldName} is no value yet`);
    return called;
  });
}

function valueField({ key, args, complete, hasObjects }: FieldParts, read: ReadValue): PlannedField {
  // The arguments are checked even where the value does not depend on them.
  const checked: ReadValue = args === null ? read : (source, run) => (run.argumentsOf(args), read(source, run));
  const begin = (run: Running): Filling => {
    if (!hasObjects) return { value: (source) => complete(checked(source, run), NOWHERE), done: nothing };
    const gathering = new Gathering();
    return { value: (source) => complete(checked(source, run), gathering), done: () => gathering.fill(run) };
  };
  return { key, begin };
}

/** Assigns each value to the objects that share it, and fills the objects within it. */
export function settle(
  run: Running,
  { key, complete, hasObjects }: Pick<FieldParts, 'key' | 'complete' | 'hasObjects'>,
  outs: readonly (readonly Answered[])[],
  values: readonly unknown[],
): void {
  const gathering = hasObjects ? new Gathering() : null;
  for (const [i, value] of values.entries()) {
    const completed = complete(value, gathering ?? NOWHERE);
    for (const out of outs[i] ?? []) out[key] = completed;
  }
  gathering?.fill(run);
}
