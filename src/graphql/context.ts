/**
 * Owns the context that resolvers see: the viewer, the region, and the reads and transactions that directives also use.
 */
import { type GraphQLResolveInfo } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Positions } from '../consistency/positions.ts';
import { type ConsistencyToken } from '../consistency/token.ts';
import { type TokenCookies } from '../consistency/token-cookies.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Asker } from '../http/siblings.ts';
import { type Row } from '../model/model.ts';
import { type CustomReadOptions } from '../read/custom/read.ts';
import { type Dependencies } from '../read/session/answer-basis.ts';
import { type Setting } from '../read/ports.ts';
import { type EntityLoaders } from '../read/loaders/entity-loaders.ts';
import { idempotentTransaction } from '../write/idempotency/transaction.ts';
import { type Transaction, type TransactionOptions, type WriteServer } from '../write/ports.ts';
import { type Taken } from '../forwarding/forwarding.ts';
import { type Operation, type Scope } from './operation.ts';
import { durabilityAt } from '../schema-compiler/durability.ts';

/** What a custom resolver gets as its third argument, bound to the consistency of its field. */
export interface ResolverContext {
  readonly viewer: Viewer | null;
  /** The region that answers. */
  readonly region: string;
  /** The loaders that directives use: the same batches and the same consistency. */
  readonly loaders: EntityLoaders;
  /**
   * Reads with the application's own SQL, at the consistency of this field. Parameters are `$1 …`. Cached if
   * `dependsOn` is given; rows from a cache are frozen.
   */
  read(sql: string, values?: readonly unknown[], options?: CustomReadOptions): Promise<readonly Row[]>;
  /**
   * Runs `work` in one transaction at the primary; later reads of this operation see it, and its token covers it. If
   * the request has an idempotency key, `work` takes place once, and a repeated request gets the same result or error,
   * as JSON. The durability is that of the mutation's `@durable`, unless `options` name one.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** The consistency token of everything that this operation has read and written so far. */
  token(): string;
}

export interface ContextDeps {
  readonly region: string;
  readonly writer: WriteServer;
  encode(positions: Positions): ConsistencyToken;
}

/** The request's consistency headers. */
export interface AskedHeaders {
  readonly token: string | undefined;
  readonly floor: string | undefined;
  readonly level: string | undefined;
}

/** What a live query has to know of its execution; filled in when the answer is made. */
export interface Watched {
  positions: Positions;
  /** Null where it is not known what would change the answer. */
  dependencies: Dependencies | null;
}

/** The `contextValue` of one request. The operation is added when its level and floor are decided. */
export class RequestContext {
  readonly viewer: Viewer | null;
  /** The settings under which all of the request's statements run (row-level security). */
  readonly settings: readonly Setting[];
  /** The consistency that the client, or a gateway on its behalf, asks for. */
  readonly asked: AskedHeaders;
  /** Tokens from cookies, which count like those of the header; null if token cookies are off. */
  readonly cookies: TokenCookies | null;
  /** The idempotency-key header: the same request with the same key takes effect once. */
  readonly idempotencyKey: string | undefined;
  /** The name under which the whole answer may be kept; null: it may not be kept. */
  readonly answerName: string | null;
  /** Told what the answer shows and depends on; null for requests, of which nobody asks. */
  readonly watched: Watched | null;
  readonly signal: AbortSignal | undefined;
  /** The outcome of the mutation; null for queries, and before it is known. */
  taken: Taken | null = null;
  readonly deps: ContextDeps;
  // Not a #private field, because Apollo copies the context by its properties.
  private decided: Operation | null = null;
  // Created when asked for: few requests are mutations or ask other subgraphs' servers.
  private readonly makeAsker: () => Asker | null;
  private readonly makeCarried: () => Readonly<Record<string, string>> | null;

  constructor(input: {
    viewer: Viewer | null;
    settings?: readonly Setting[];
    asked: AskedHeaders;
    cookies?: TokenCookies | null;
    idempotencyKey?: string | undefined;
    answerName?: string | null;
    watched?: Watched | null;
    signal?: AbortSignal;
    asker?: () => Asker | null;
    carried?: () => Readonly<Record<string, string>> | null;
    deps: ContextDeps;
  }) {
    this.viewer = input.viewer;
    this.settings = input.settings ?? [];
    this.asked = input.asked;
    this.cookies = input.cookies ?? null;
    this.idempotencyKey = input.idempotencyKey;
    this.answerName = input.answerName ?? null;
    this.watched = input.watched ?? null;
    this.signal = input.signal;
    this.makeAsker = input.asker ?? (() => null);
    this.makeCarried = input.carried ?? (() => null);
    this.deps = input.deps;
  }

  /**
   * The credentials for requests to other subgraphs' servers on the viewer's behalf; null if one of them sent this
   * request, so that requests do not loop.
   */
  get asker(): Asker | null {
    return this.makeAsker();
  }

  /**
   * The headers to send with a forwarded mutation; null for one that was forwarded here, which is not forwarded again.
   */
  get carried(): Readonly<Record<string, string>> | null {
    return this.makeCarried();
  }

  get started(): boolean {
    return this.decided !== null;
  }

  get operation(): Operation {
    if (!this.decided)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message:
          "The operation was executed without Meridian's plugin, so its consistency is not decided; add meridianPlugin to the server's plugins.",
      });
    return this.decided;
  }

  begin(operation: Operation): void {
    this.decided = operation;
  }

  /** Covers everything that the operation has read and written so far. */
  token(): ConsistencyToken {
    return this.deps.encode(this.operation.session.report().positions);
  }

  /** The view of one field. */
  at(info: GraphQLResolveInfo): ResolverContext {
    return new FieldContext(this, info);
  }
}

class FieldContext implements ResolverContext {
  readonly #request: RequestContext;
  readonly #info: GraphQLResolveInfo;
  #scope: Scope;

  constructor(request: RequestContext, info: GraphQLResolveInfo) {
    this.#request = request;
    this.#info = info;
    this.#scope = request.operation.at(info);
  }

  get viewer(): Viewer | null {
    return this.#request.viewer;
  }

  get region(): string {
    return this.#request.deps.region;
  }

  get loaders(): EntityLoaders {
    return this.#scope.loaders;
  }

  read(sql: string, values: readonly unknown[] = [], options: CustomReadOptions = {}): Promise<readonly Row[]> {
    return this.#request.operation.read(this.#scope, { ...options, sql, values });
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const { operation, deps } = this.#request;
    const idempotency = operation.step(this.#info);
    await operation.session.admitWrite();
    const all: TransactionOptions = {
      settings: this.#request.settings,
      ...options,
      durability: options?.durability ?? durabilityAt(this.#info),
      onRefused: (at) => {
        operation.session.saw(at);
        options?.onRefused?.(at);
      },
    };
    const { result, position } = await (idempotency === null
      ? deps.writer.transaction(work, all)
      : idempotentTransaction(deps.writer, { idempotency, work, options: all }));
    this.#scope = await operation.wrote(this.#info, position);
    return result;
  }

  token(): string {
    return this.#request.token();
  }
}
