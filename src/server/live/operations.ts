/**
 * Owns the mapping from a client's subscription to a live query: its name, by which equal ones are shared, and its
 * execution, which is that of any other operation.
 */
import { type ApolloServer, type BaseContext } from '@apollo/server';
import { getOperationAST, GraphQLError, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type Viewer } from '../../base/viewer.ts';
import { NO_POSITIONS, type Positions } from '../../consistency/positions.ts';
import { type Watched } from '../../graphql/context.ts';
import { type LiveAnswer, type LiveResult } from '../../live/ports.ts';
import { type LiveQueries } from '../../live/queries.ts';
import { type Subscriber } from '../../live/subscriber.ts';
import { FLOOR_HEADER, TOKEN_HEADER } from '../../protocol/headers.ts';
import { type Log } from '../../telemetry/log.ts';
import { type Headers } from '../viewer.ts';

/** The operation that a client sends. */
export interface LivePayload {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The client for which it is executed. */
export interface LiveAsker {
  readonly headers: Headers;
  readonly viewer: Viewer | null;
  readonly id: string;
}

/** One execution, from which the context is built. */
export interface LiveRequest extends LiveAsker {
  readonly watched: Watched;
}

export interface LiveServing {
  readonly queries: LiveQueries;
  /** Equal for operations of viewers who always get the same answer (R11); null where the answer must not be shared. */
  readonly scopeOf: (
    viewer: Viewer | null,
    operation: { readonly document: DocumentNode; readonly operation: OperationDefinitionNode },
  ) => string | null;
  /** Encodes positions as the value of a header that names what must be seen. */
  readonly encode: (positions: Positions) => string | null;
}

export interface LiveOperationsDeps<C extends BaseContext> {
  readonly apollo: ApolloServer<C>;
  readonly serving: LiveServing;
  readonly context: (request: LiveRequest) => Promise<C>;
  readonly maxTokens: number;
  readonly log: Pick<Log, 'error'>;
  /** The text that the server knows by this hash. */
  readonly textOf: (hash: string) => Promise<string | undefined>;
}

export class LiveOperations<C extends BaseContext> {
  readonly #deps: LiveOperationsDeps<C>;

  constructor(deps: LiveOperationsDeps<C>) {
    this.#deps = deps;
  }

  get queries(): LiveQueries {
    return this.#deps.serving.queries;
  }

  /** What a request's body asks for, named by its hash if need be; null for what has no text that is known. */
  async payloadOf(body: unknown): Promise<LivePayload | null> {
    const payload = (body ?? {}) as Partial<LivePayload>;
    if (typeof payload.query === 'string') return payload as LivePayload;
    const persisted = payload.extensions?.['persistedQuery'] as { readonly sha256Hash?: unknown } | null | undefined;
    const hash = persisted?.sha256Hash;
    const query = typeof hash === 'string' ? await this.#deps.textOf(hash) : undefined;
    return query === undefined ? null : { ...payload, query };
  }

  /** Null for a document that cannot be parsed or lacks the operation; execution reports the error. */
  operationOf({ query, operationName }: LivePayload): {
    readonly document: DocumentNode;
    readonly operation: OperationDefinitionNode;
  } | null {
    try {
      const document = parse(query, { maxTokens: this.#deps.maxTokens });
      const operation = getOperationAST(document, operationName ?? undefined);
      return operation ? { document, operation } : null;
    } catch {
      return null;
    }
  }

  /** Starts the stream of answers. Throws `OVERLOADED`. */
  async subscribe(payload: LivePayload, asker: LiveAsker): Promise<Subscriber> {
    const found = this.operationOf(payload);
    const scope = found && this.#deps.serving.scopeOf(asker.viewer, found);
    const { [TOKEN_HEADER]: token = '', [FLOOR_HEADER]: floor = '', ...headers } = asker.headers;
    const bare: LiveAsker = { ...asker, headers };
    const hasSeen = token.trim() !== '' || floor.trim() !== '';
    return this.queries.subscribe({
      name: scope === null ? null : nameOf(scope, payload, headers),
      viewer: asker.viewer === null ? null : JSON.stringify([asker.viewer.tenant, asker.viewer.id]),
      execute: (positions) => this.#execute(payload, bare, positions),
      first: hasSeen ? () => this.#execute(payload, asker, NO_POSITIONS) : null,
    });
  }

  /** Answers an operation that is not a subscription. */
  async once(payload: LivePayload, asker: LiveAsker): Promise<LiveResult> {
    return (await this.#execute(payload, asker, NO_POSITIONS)).result;
  }

  /** Never throws: errors are part of the answer. */
  async #execute(payload: LivePayload, asker: LiveAsker, floor: Positions): Promise<LiveAnswer> {
    const watched: Watched = { positions: NO_POSITIONS, dependencies: null };
    try {
      const { apollo, context, serving } = this.#deps;
      const seen = [asker.headers[FLOOR_HEADER], serving.encode(floor)].filter((text) => text != null && text !== '');
      const headers = {
        ...asker.headers,
        // Its presence requests `extensions.consistency`.
        [TOKEN_HEADER]: asker.headers[TOKEN_HEADER] ?? '',
        ...(seen.length === 0 ? {} : { [FLOOR_HEADER]: seen.join(', ') }),
      };
      const { query, operationName, variables, extensions } = payload;
      const { body } = await apollo.executeOperation(
        {
          query,
          ...(operationName == null ? {} : { operationName }),
          ...(variables == null ? {} : { variables }),
          ...(extensions == null ? {} : { extensions }),
        },
        { contextValue: await context({ ...asker, headers, watched }) },
      );
      if (body.kind !== 'single') throw new TypeError('a live query was answered in parts');
      const { positions, dependencies: basis } = watched;
      return { result: body.singleResult, positions, basis };
    } catch (error) {
      if (!isMeridianError(error) && !(error instanceof GraphQLError))
        this.#deps.log.error({ err: error, requestId: asker.id }, 'unexpected error in a live query');
      return { result: { errors: [errorOf(error)] }, positions: NO_POSITIONS, basis: null };
    }
  }
}

/**
 * Everything on which the answer depends besides the rows: all that the client sent except the positions it has seen.
 */
function nameOf(scope: string, { query, operationName, variables }: LivePayload, headers: Headers): string {
  const level = headers['consistency-level'] ?? null;
  return JSON.stringify([scope, level, operationName ?? null, variables ?? null, query]);
}

/** The form of an error in an answer. */
export function errorOf(error: unknown): { readonly message: string; readonly extensions: Record<string, unknown> } {
  if (error instanceof GraphQLError) return { message: error.message, extensions: error.extensions };
  const known = isMeridianError(error)
    ? error
    : new MeridianError({ code: 'REGION_UNAVAILABLE', message: 'The operation could not be executed now.' });
  return { message: known.message, extensions: { code: known.code } };
}
