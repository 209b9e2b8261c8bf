/** Owns the structure of a plan, which depends on the operation but not on a request. */
import { type FieldNode, type GraphQLField, type GraphQLSchema } from 'graphql';
import { type EntityLoaders } from '../../read/loaders/entity-loaders.ts';
import { type LoadersNow } from '../../read/loaders/loaders-now.ts';

/** The fields of one object type, in the order of the answer. */
export interface Selection {
  readonly fields: readonly PlannedField[];
}

/** Fills one field of many objects. The objects that it collects are not shared until `done`. */
export interface PlannedField {
  /** The key in the answer. */
  readonly key: string;
  /** Called before the first source. */
  begin(run: Running): Filling;
}

/** The loaders that fields read with: asynchronous ones, or synchronous ones where all values are cached. */
export type PlanLoaders = EntityLoaders | LoadersNow;

/** One run of a plan, as used by its fields. */
export interface Running {
  readonly schema: GraphQLSchema;
  readonly loaders: PlanLoaders;
  /**
   * Coerces the arguments when the first object of a selection needs them, as execution does. Arguments of selections
   * without objects are not checked.
   */
  argumentsOf(of: Arguments | null): Readonly<Record<string, unknown>>;
  /**
   * Fills the answer's objects from their sources, object by object, so that reads start in the same order as in
   * execution.
   */
  fill(selection: Selection, sources: readonly unknown[], outs: readonly Answered[]): void;
  /** Calls `goOn` when all reads are done, unless the run has ended. */
  wait<T>(reads: readonly (Promise<T> | T)[], goOn: (found: readonly Awaited<T>[]) => void): void;
}

/** One pass over the objects of a selection, for one field. */
export interface Filling {
  /**
   * The value in the answer, or the value that will be completed after `done`. `out` is the object of the answer that
   * contains it. Throws where there is no value.
   */
  value(source: unknown, out: Answered): unknown;
  /** Called after the last object. */
  done(): void;
}

export type Answered = Record<string, unknown>;

/**
 * Completes a field's value for its type. Objects are added to `next` and filled together. Throws for null where the
 * type does not allow it.
 */
export type Complete = (value: unknown, next: Gathered) => unknown;

/** The objects that the next pass fills, by selection. */
export interface Gathered {
  add(selection: Selection, source: unknown): Answered;
}

/** The arguments of a field; they are coerced once per request. */
export interface Arguments {
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  /** Index among the arguments of the plan. */
  readonly place: number;
}

export interface Plan {
  readonly root: Selection;
  /** The number of fields in all selections. */
  readonly size: number;
  /** The number of fields with arguments. */
  readonly places: number;
}

/** Ends the construction of a plan: the operation is too large, or has fields that the model does not resolve. */
export class NotPlanned extends Error {}
