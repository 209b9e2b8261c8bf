/**
 * Owns the plans of a server: made once for each operation of a document, kept as long as there is room, and known by
 * the document itself.
 */
import { type DocumentNode, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import { conditionsOf } from './conditions.ts';
import { makePlan } from './make.ts';
import { type Plan } from './plan.ts';
import { Presence } from './presence.ts';
import { resolvedOf, type ResolvedSchema } from './resolved.ts';
import { Trials, TRIAL_LIMITS, type TrialLimits } from './trials.ts';

export interface PlanLimits extends TrialLimits {
  /** Fields of one plan. */
  readonly maxPlanFields: number;
  /** Fields of all plans that are kept. A field takes up to a kilobyte. */
  readonly maxFields: number;
}

export const PLAN_LIMITS: PlanLimits = { ...TRIAL_LIMITS, maxPlanFields: 2_000, maxFields: 50_000 };

/**
 * What is kept of an operation beside its fields takes as much as this many, and so does its key for each so many
 * characters.
 */
const FIELDS_BESIDE = 4;
const CHARACTERS_OF_FIELD = 500;

/** A plan, and how it has done; without one, that there can be none. */
export interface Kept {
  readonly plan: Plan | null;
  readonly trials: Trials;
  readonly presence: Presence;
}

/** Names of an operation, and texts of its conditions, as keys. Only what is known by them is kept in them. */
type OfDocument = Map<string, Kept>;

export interface Wanted {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** As the operation's types take them. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * What became of a run: its answer was sent, all of it from the process's cache or not, or graphql-js had to execute
 * the operation.
 */
export type PlanOutcome = 'cached' | 'answered' | 'repeated';

interface Place {
  readonly of: OfDocument;
  readonly key: string;
}

export class Plans {
  readonly #limits: PlanLimits;
  readonly #nowMs: () => number;
  readonly #observe: (outcome: PlanOutcome) => void;
  readonly #schemas = new WeakMap<GraphQLSchema, WeakMap<DocumentNode, OfDocument>>();
  /** What was not used for the longest time goes first. */
  readonly #recent: LRUCache<Kept, Place>;

  /** `observe`: told of every run; must neither throw nor take long. */
  constructor(
    limits: Partial<PlanLimits> = {},
    nowMs: () => number = () => performance.now(),
    observe: (outcome: PlanOutcome) => void = () => undefined,
  ) {
    const all = { ...PLAN_LIMITS, ...limits };
    // A plan that there is no room for would be made for each request.
    this.#limits = { ...all, maxPlanFields: Math.min(all.maxPlanFields, all.maxFields >> 1) };
    this.#nowMs = nowMs;
    this.#observe = observe;
    this.#recent = new LRUCache({
      maxSize: this.#limits.maxFields,
      dispose: ({ of, key }, kept) => (of.get(key) === kept ? of.delete(key) : undefined),
    });
  }

  /** How many fields the kept plans have, and how many plans there are, those that came to nothing included. */
  get size(): { readonly fields: number; readonly plans: number } {
    return { fields: this.#recent.calculatedSize, plans: this.#recent.size };
  }

  ended(outcome: PlanOutcome): void {
    this.#observe(outcome);
  }

  /** Null for an operation that no plan can carry out. */
  of(wanted: Wanted): Kept | null {
    const resolved = resolvedOf(wanted.schema);
    const conditions = resolved && conditionsOf(wanted.document, wanted.operation, wanted.variables);
    if (!resolved || !conditions) return null;
    const ofDocument = this.#ofDocument(wanted);
    // No name has a blank in it.
    const key = `${wanted.operation.name?.value ?? ''} ${conditions.text}`;
    const known = ofDocument.get(key);
    if (known) {
      this.#recent.get(known);
      return known;
    }
    const kept = this.#make(wanted, resolved, conditions.variables);
    ofDocument.set(key, kept);
    this.#recent.set(
      kept,
      { of: ofDocument, key },
      { size: FIELDS_BESIDE + Math.floor(key.length / CHARACTERS_OF_FIELD) + (kept.plan?.size ?? 0) },
    );
    return kept;
  }

  #make(
    { schema, document, operation }: Wanted,
    resolved: ResolvedSchema,
    conditions: Readonly<Record<string, boolean>>,
  ): Kept {
    const plan = makePlan({ schema, resolved, document, operation, conditions, maxFields: this.#limits.maxPlanFields });
    return { plan, trials: new Trials(this.#limits, this.#nowMs), presence: new Presence() };
  }

  #ofDocument({ schema, document }: Wanted): OfDocument {
    const documents = this.#schemas.get(schema) ?? new WeakMap<DocumentNode, OfDocument>();
    this.#schemas.set(schema, documents);
    const ofDocument = documents.get(document) ?? new Map<string, Kept>();
    documents.set(document, ofDocument);
    return ofDocument;
  }
}
