/**
 * Owns the plans of a server: each is made once per operation of a document, found by the document object, and kept up
 * to a limit.
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
  /** Maximum number of fields in one plan. */
  readonly maxPlanFields: number;
  /** Maximum number of fields in all kept plans. A field takes up to a kilobyte. */
  readonly maxFields: number;
}

export const PLAN_LIMITS: PlanLimits = { ...TRIAL_LIMITS, maxPlanFields: 2_000, maxFields: 50_000 };

/**
 * The size of an entry besides its fields, expressed in fields. Its key counts as one more field for each
 * `CHARACTERS_OF_FIELD` characters.
 */
const FIELDS_BESIDE = 4;
const CHARACTERS_OF_FIELD = 500;

/** A plan and the record of its runs. `plan` is null where the operation cannot be planned. */
export interface Kept {
  readonly plan: Plan | null;
  readonly trials: Trials;
  readonly presence: Presence;
}

/** Entries by operation name and text of conditions. The map is reached through its document only. */
type OfDocument = Map<string, Kept>;

export interface Wanted {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Coerced to the operation's variable types. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * The outcome of a run: it was answered completely from the process's cache, answered with other reads, or graphql-js
 * had to execute the operation.
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
  /** The least recently used entry is evicted first. */
  readonly #recent: LRUCache<Kept, Place>;

  /** `observe` is called for every run; it must not throw and must be fast. */
  constructor(
    limits: Partial<PlanLimits> = {},
    nowMs: () => number = () => performance.now(),
    observe: (outcome: PlanOutcome) => void = () => undefined,
  ) {
    const all = { ...PLAN_LIMITS, ...limits };
    // A plan larger than the cache would be made again for each request.
    this.#limits = { ...all, maxPlanFields: Math.min(all.maxPlanFields, all.maxFields >> 1) };
    this.#nowMs = nowMs;
    this.#observe = observe;
    this.#recent = new LRUCache({
      maxSize: this.#limits.maxFields,
      dispose: ({ of, key }, kept) => (of.get(key) === kept ? of.delete(key) : undefined),
    });
  }

  /** The number of fields in the kept plans, and the number of entries, including those without a plan. */
  get size(): { readonly fields: number; readonly plans: number } {
    return { fields: this.#recent.calculatedSize, plans: this.#recent.size };
  }

  ended(outcome: PlanOutcome): void {
    this.#observe(outcome);
  }

  /** Null for an operation that cannot be planned. */
  of(wanted: Wanted): Kept | null {
    const resolved = resolvedOf(wanted.schema);
    const conditions = resolved && conditionsOf(wanted.document, wanted.operation, wanted.variables);
    if (!resolved || !conditions) return null;
    const ofDocument = this.#ofDocument(wanted);
    // Names of operations contain no blank.
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
