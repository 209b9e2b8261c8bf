/**
 * Owns one GraphQL operation's state: its viewer, its reads under each requirement, and which requirement each subtree
 * has.
 */
import { responsePathAsArray, type GraphQLResolveInfo } from 'graphql';
import { type Path } from 'graphql/jsutils/Path.js';
import { type Position } from '../base/lineage.ts';
import { requirementKey, type Requirement } from '../consistency/requirement.ts';
import { readCustom, type CustomReadInput, type CustomReadOptions, type UncachedNotes } from '../read/custom/read.ts';
import { type ReadSession } from '../read/session/engine.ts';
import { type Executor } from '../read/ports.ts';
import { EntityLoaders } from '../read/loaders/entity-loaders.ts';
import { type LoaderLimits } from '../read/loaders/preparations.ts';
import { LoadersNow } from '../read/loaders/loaders-now.ts';
import { ReadsNow } from '../read/loaders/reads-now.ts';
import { type Tenancy } from '../read/sql/tenant.ts';
import { type LoaderCaching } from '../read/loaders/through-cache.ts';
import { type Model, type Row } from '../model/model.ts';
import { type IdempotentStep } from '../write/idempotency/outcomes.ts';
import { type IdempotentRequest } from '../write/idempotency/request.ts';
import { afterWrite, strongerOf, type EdgeDecision } from './edge.ts';

/** Reads under one requirement: the loaders, and plain SQL with the same decision. */
export interface Scope {
  readonly executor: Executor;
  readonly requirement: Requirement;
  readonly loaders: EntityLoaders;
}

export interface OperationInput {
  readonly model: Model;
  readonly limits: LoaderLimits;
  /** The tenant whose rows the viewer sees. */
  readonly tenancy: Tenancy;
  readonly session: ReadSession;
  readonly edge: EdgeDecision;
  /** Null: nothing is cached. */
  readonly caching: LoaderCaching | null;
  /** Called with custom reads that are not cached; null if nobody wants to know. */
  readonly notes: UncachedNotes | null;
  /** The idempotent request of a mutation with a key. */
  readonly idempotency?: IdempotentRequest | null;
}

export class Operation {
  readonly session: ReadSession;
  readonly edge: EdgeDecision;
  readonly tenancy: Tenancy;
  /** Null: the operation writes each time that it is sent. */
  readonly idempotency: IdempotentRequest | null;
  readonly #model: Model;
  readonly #limits: LoaderLimits;
  readonly #caching: LoaderCaching | null;
  readonly #notes: UncachedNotes | null;
  readonly #scopes = new Map<string, Scope>();
  /** Subtrees with another requirement than the root's, by the path of their root. */
  readonly #subtrees = new WeakMap<Path, Scope>();
  #root: Scope;
  #hasSubtrees: boolean;

  constructor(input: OperationInput) {
    this.session = input.session;
    this.edge = input.edge;
    this.tenancy = input.tenancy;
    this.idempotency = input.idempotency ?? null;
    this.#model = input.model;
    this.#limits = input.limits;
    this.#caching = input.caching;
    this.#notes = input.notes;
    this.#root = this.#scope(input.edge.root);
    this.#hasSubtrees = input.edge.fields.size > 0;
  }

  get root(): Scope {
    return this.#root;
  }

  /**
   * Loaders of values instead of promises, for as long as the program's step lasts; null where the process's own cache
   * may not answer what the operation's root requires.
   */
  now(): { readonly loaders: LoadersNow; readonly reads: ReadsNow } | null {
    const caching = this.#caching;
    const reads = caching && ReadsNow.begin(this.#root.executor, caching);
    if (!reads) return null;
    const loaders = new LoadersNow({ model: this.#model, limits: this.#limits, tenancy: this.tenancy, reads, caching });
    return { loaders, reads };
  }

  /** The scope of a field: its own `@consistent`, else the nearest ancestor's, else the operation's. */
  at(info: GraphQLResolveInfo): Scope {
    if (!this.#hasSubtrees) return this.#root;
    const known = this.#subtrees.get(info.path);
    if (known) return known;
    const inherited = this.#inherited(info.path);
    const requirement = this.#required(info, inherited.requirement);
    if (requirement === null) return inherited;
    const scope = this.#scope(requirement);
    this.#subtrees.set(info.path, scope);
    return scope;
  }

  #inherited(path: Path): Scope {
    // graphql-js passes the same path objects to every field below a path, so identity can be compared and no strings
    // are built.
    for (let above = path.prev; above !== undefined; above = above.prev) {
      const found = this.#subtrees.get(above);
      if (found) return found;
    }
    return this.#root;
  }

  /**
   * What the field's own directives ask for; null without any. All nodes that are merged into one field are satisfied.
   */
  #required({ fieldNodes }: GraphQLResolveInfo, inherited: Requirement): Requirement | null {
    if (!fieldNodes.some((node) => this.edge.fields.has(node))) return null;
    const { written } = this.session;
    return fieldNodes
      .map((node) => {
        const own = this.edge.fields.get(node);
        if (own === undefined) return inherited;
        return written && own.level !== 'EVENTUAL' ? afterWrite(own, written) : own;
      })
      .reduce(strongerOf);
  }

  /** Names the field's next transaction, in the order in which they begin; null without an idempotency key. */
  step({ path }: Pick<GraphQLResolveInfo, 'path'>): IdempotentStep | null {
    return this.idempotency?.step(responsePathAsArray(path).join('.')) ?? null;
  }

  /** Reads with the application's own SQL, in one of the operation's scopes. */
  read(
    { executor }: Scope,
    request: CustomReadOptions & Pick<CustomReadInput, 'sql' | 'values'>,
  ): Promise<readonly Row[]> {
    return readCustom({
      ...request,
      executor,
      model: this.#model,
      tenancy: this.tenancy,
      caching: this.#caching,
      notes: this.#notes,
    });
  }

  /** A mutation's write has committed: every later read of the operation sees that write. */
  async wrote(info: GraphQLResolveInfo, position: Position): Promise<Scope> {
    const before = this.at(info).requirement;
    await this.session.raise(position);
    const written = this.session.written ?? position;
    this.#root = this.#scope(afterWrite(this.edge.root, written));
    const scope = this.#scope(afterWrite(before, written));
    this.#subtrees.set(info.path, scope);
    this.#hasSubtrees = true;
    return scope;
  }

  #scope(requirement: Requirement): Scope {
    const key = requirementKey(requirement);
    let scope = this.#scopes.get(key);
    if (!scope) {
      const executor = this.session.executor(requirement);
      scope = {
        requirement,
        executor,
        loaders: new EntityLoaders({
          model: this.#model,
          executor,
          limits: this.#limits,
          tenancy: this.tenancy,
          caching: this.#caching,
        }),
      };
      this.#scopes.set(key, scope);
    }
    return scope;
  }
}
