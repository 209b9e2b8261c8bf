/** Owns the shape of a plan: what stands in it of an operation, and nothing of a request. */
import { type FieldNode, type GraphQLField, type GraphQLSchema } from 'graphql';
import { type EntityLoaders } from '../../read/loaders/entity-loaders.ts';
import { type LoadersNow } from '../../read/loaders/loaders-now.ts';

/** The fields of one object type, in the order of the answer. */
export interface Selection {
  readonly fields: readonly PlannedField[];
}

/** Fills one field of many objects. What it gathers of them is its own until `done`. */
export interface PlannedField {
  /** Name in the answer. */
  readonly key: string;
  /** Before the first of `sources`. */
  begin(run: Running): Filling;
}

/** What fields read with: values that come, or, where all of them are there, values. */
export type PlanLoaders = EntityLoaders | LoadersNow;

/** The run of a plan, as fields see it. */
export interface Running {
  readonly schema: GraphQLSchema;
  readonly loaders: PlanLoaders;
  /**
   * Coerced when the first object of a selection is there, as execution does it: those of a selection that has none are
   * not looked at.
   */
  argumentsOf(of: Arguments | null): Readonly<Record<string, unknown>>;
  /**
   * Fills objects of the answer from what they show, object by object, so that reads begin in the order in which
   * execution begins them.
   */
  fill(selection: Selection, sources: readonly unknown[], outs: readonly Answered[]): void;
  /** Goes on when all have come. Not after the run is over. */
  wait<T>(reads: readonly (Promise<T> | T)[], goOn: (found: readonly Awaited<T>[]) => void): void;
}

/** One pass over the objects of a selection, for one field. */
export interface Filling {
  /**
   * The value in the answer, or what will be it when `done` has come to its end. `out`: the object of the answer that
   * gets it. Throws where there is none.
   */
  value(source: unknown, out: Answered): unknown;
  /** After the last one. */
  done(): void;
}

export type Answered = Record<string, unknown>;

/**
 * Makes a field's values those of its type. `next` takes the objects, which are filled together. Throws for null where
 * the type has none.
 */
export type Complete = (value: unknown, next: Gathered) => unknown;

/** Objects that the next pass fills, by their selection. */
export interface Gathered {
  add(selection: Selection, source: unknown): Answered;
}

/** A field's arguments are coerced once in a request. */
export interface Arguments {
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  /** Place among the arguments of the plan. */
  readonly place: number;
}

export interface Plan {
  readonly root: Selection;
  /** How many fields there are in all selections. */
  readonly size: number;
  /** How many of them have arguments. */
  readonly places: number;
}

/** Ends the making of a plan: the operation is not the model's alone, or too large. */
export class NotPlanned extends Error {}
