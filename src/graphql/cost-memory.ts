/**
 * Owns which operations are known to be within the bound: computed once for each document, and again for other values
 * of the variables that it used.
 */
import { type DocumentNode, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { type Model } from '../model/model.ts';

type Variables = Readonly<Record<string, unknown>>;

/** Everything that the cost depends on. */
interface CalculatedCost {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Variables;
  readonly limits: object;
}

/** Stands for a variable that the client did not send. */
const NOT_SENT = Symbol('not sent');

function sent(variables: Variables, name: string): unknown {
  return Object.hasOwn(variables, name) ? variables[name] : NOT_SENT;
}

/**
 * The variables whose values the cost depends on: sizes of pages, and skipped fields. Equal values give the same cost.
 */
export class VariablesRead {
  readonly #values = new Map<string, unknown>();
  #isWhole = true;

  goesBy(variables: Variables, name: string): void {
    const value = sent(variables, name);
    if (typeof value === 'object' && value !== null) this.#isWhole = false;
    else this.#values.set(name, value);
  }

  /** Whether a value is a list or an object, which are not compared. */
  goesByMore(): void {
    this.#isWhole = false;
  }

  /** Whether `areSame` can compare them. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  areSame(variables: Variables): boolean {
    for (const [name, value] of this.#values) if (!Object.is(sent(variables, name), value)) return false;
    return true;
  }
}

interface Fit extends Omit<CalculatedCost, 'operation' | 'variables'> {
  readonly read: VariablesRead;
}

/**
 * The last computation for each operation: the server keeps parsed documents within its bounds, and this is removed
 * with them.
 */
const fits = new WeakMap<OperationDefinitionNode, Fit>();

export function fitsAgain({ operation, schema, model, limits, document, variables }: CalculatedCost): boolean {
  const fit = fits.get(operation);
  return (
    fit !== undefined &&
    fit.document === document &&
    fit.schema === schema &&
    fit.model === model &&
    fit.limits === limits &&
    fit.read.areSame(variables)
  );
}

/** An operation that exceeds the bound is not remembered: it is computed and refused each time. */
export function rememberFit({ operation, schema, model, limits, document }: CalculatedCost, read: VariablesRead): void {
  if (read.isWhole) fits.set(operation, { schema, model, limits, document, read });
}
