/** Owns one run of a plan: its pending reads and its result, which is the whole answer or the first error. */
import { type GraphQLSchema } from 'graphql';
import { getArgumentValues } from 'graphql/execution/values.js';
import { type LoadersNow } from '../../read/loaders/loaders-now.ts';
import {
  type Answered,
  type Arguments,
  type Filling,
  type Plan,
  type PlanLoaders,
  type Running,
  type Selection,
} from './plan.ts';

export interface RunInput {
  readonly plan: Plan;
  readonly schema: GraphQLSchema;
  readonly loaders: PlanLoaders;
  /** Coerced to the operation's variable types. */
  readonly variables: Readonly<Record<string, unknown>>;
}

type Values = Readonly<Record<string, unknown>>;

const NO_ARGUMENTS: Values = Object.freeze({});

export class Run implements Running {
  readonly schema: GraphQLSchema;
  readonly loaders: PlanLoaders;
  readonly #input: RunInput;
  readonly #arguments: (Values | undefined)[];
  /**
   * The number of pending groups of reads. A group counts until its continuation, which may start further reads, has
   * run.
   */
  #left = 0;
  #isOver = false;
  /** The continuations of the passes of a synchronous run; null in an asynchronous run. */
  #passes: (() => void)[] | null = null;
  #ended: PromiseWithResolvers<void> | null = null;

  constructor(input: RunInput) {
    this.schema = input.schema;
    this.loaders = input.loaders;
    this.#input = input;
    this.#arguments = new Array<Values | undefined>(input.plan.places);
  }

  /** The data of the answer. Rejects with the first error; pending reads then finish and are ignored. */
  async data(): Promise<Answered> {
    const data: Answered = {};
    this.fill(this.#input.plan.root, [undefined], [data]);
    if (this.#left > 0) {
      this.#ended = Promise.withResolvers();
      await this.#ended.promise;
    }
    return data;
  }

  /**
   * The same for a synchronous run: pass by pass, as asynchronous reads would be answered in batches. Throws the first
   * error, and `NotHere` for a value that is not cached.
   */
  dataNow(loaders: LoadersNow): Answered {
    const passes: (() => void)[] = [];
    this.#passes = passes;
    const data: Answered = {};
    this.fill(this.#input.plan.root, [undefined], [data]);
    for (let end = passes.length, next = 0; next < end; end = passes.length) {
      loaders.nextPass();
      for (; next < end; next += 1) (passes[next] as () => void)();
    }
    return data;
  }

  argumentsOf(of: Arguments | null): Values {
    if (of === null) return NO_ARGUMENTS;
    return (this.#arguments[of.place] ??= getArgumentValues(of.definition, of.node, this.#input.variables));
  }

  fill({ fields }: Selection, sources: readonly unknown[], outs: readonly Answered[]): void {
    if (this.#isOver) return;
    const fillings = fields.map((field) => field.begin(this));
    const errors: unknown[] = [];
    const trying = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        this.#isOver = true;
        errors.push(error);
      }
    };
    trying(() => fillAll(fields, fillings, sources, outs));
    // Also called after an error: reads that have started are awaited, so that their failures are handled.
    for (const filling of fillings) trying(() => filling.done());
    if (errors.length > 0) throw errors[0];
  }

  wait<T>(reads: readonly (Promise<T> | T)[], goOn: (found: readonly Awaited<T>[]) => void): void {
    if (this.#passes !== null) {
      this.#passes.push(() => goOn(reads as readonly Awaited<T>[]));
      return;
    }
    this.#left += 1;
    void Promise.all(reads)
      .then((found) => {
        if (this.#isOver) return;
        goOn(found);
        this.#left -= 1;
        if (this.#left === 0) this.#ended?.resolve();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#ended?.reject(error);
  }
}

function fillAll(
  fields: Selection['fields'],
  fillings: readonly Filling[],
  sources: readonly unknown[],
  outs: readonly Answered[],
): void {
  const keys = fields.map(({ key }) => key);
  for (let i = 0; i < sources.length; i += 1) {
    const [source, out] = [sources[i], outs[i] as Answered];
    for (let j = 0; j < keys.length; j += 1) out[keys[j] as string] = (fillings[j] as Filling).value(source, out);
  }
}
