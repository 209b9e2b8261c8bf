/**
 * Owns answers to new requests with known documents: a plan executes them synchronously if the process's cache contains
 * every row. The checks and the form of the answer equal those of the usual execution; all special cases are left to
 * it.
 */
import { getOperationAST, OperationTypeNode, type DocumentNode, type GraphQLSchema } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { LRUCache } from 'lru-cache';
import { type Options } from '../../config/options.ts';
import { type TokenCodec } from '../../consistency/token.ts';
import { type Model } from '../../model/model.ts';
import { type CacheScope, type LoaderCaching, settingsKey } from '../../read/loaders/through-cache.ts';
import { type LoaderLimits } from '../../read/loaders/preparations.ts';
import { type ReadSession } from '../../read/session/engine.ts';
import { type Setting } from '../../read/ports.ts';
import { Tenancy } from '../../read/sql/tenant.ts';
import { type AskedHeaders } from '../context.ts';
import { limitCost, type CostLimits } from '../cost.ts';
import { decideAtEdge } from '../edge.ts';
import { Operation } from '../operation.ts';
import { dataNow } from '../plan/now.ts';
import { type Plans } from '../plan/plans.ts';
import { fittedVariables } from '../variables.ts';
import { consistencyOf } from './consistency-extension.ts';
import { type AnswerNow, type AskedByName, type OperationCache } from './operation-cache.ts';
import { bytesOf, requestIn } from './request-text.ts';

export interface PlannedAnswersDeps {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly plans: Plans;
  readonly codec: Pick<TokenCodec, 'encode'>;
  readonly region: string;
  readonly options: LoaderLimits & CostLimits & Pick<Options, 'boundedLagMs' | 'documentBytes' | 'maxRequestDepth'>;
  /** Caches the answers of requests that are repeated. */
  readonly answers: Pick<OperationCache, 'begin' | 'keep'>;
  cachingFor(scope: CacheScope): LoaderCaching | null;
  openSession(asked: Pick<AskedHeaders, 'token' | 'floor'>, settings: readonly Setting[]): ReadSession;
}

/** Answers to POST requests are not cacheable unless the schema has `@cacheControl`, and such a schema has no plans. */
const CACHE_CONTROL = 'no-store';

export class PlannedAnswers {
  readonly #deps: PlannedAnswersDeps;
  /** Documents by text that were validated and executed by a plan; null where none are kept. */
  readonly #documents: LRUCache<string, DocumentNode> | null;

  constructor(deps: PlannedAnswersDeps) {
    this.#deps = deps;
    const { documentBytes: maxSize } = deps.options;
    this.#documents =
      maxSize === 0
        ? null
        : new LRUCache({
            maxSize,
            sizeCalculation: (document, text) => JSON.stringify(document).length + text.length,
          });
  }

  /** Stores a document that has passed validation and of which a plan has executed an operation. */
  learn(text: string, document: DocumentNode): void {
    if (this.#documents?.has(text) === false) this.#documents.set(text, document);
  }

  /**
   * Null where the request must be executed in the usual way; nothing has been done then. Throws errors of the request,
   * which the usual execution finds again.
   */
  answer({ body, viewer, token: header, floor, name, settings }: AskedByName): AnswerNow | null {
    const { schema, model, plans, codec, region, options: limits, answers } = this.#deps;
    if (this.#documents === null) return null;
    const request = requestIn(body, limits.maxRequestDepth);
    const document = request && this.#documents.get(request.query);
    const operation = document && getOperationAST(document, request.operationName);
    if (!request || !document || operation?.operation !== OperationTypeNode.QUERY) return null;
    const session = this.#deps.openSession({ token: header, floor }, settings);
    const variables = fittedVariables(schema, operation, request.variables);
    const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
    const kept = coerced && plans.of({ schema, document, operation, variables: coerced });
    if (!coerced || !kept?.plan || kept.trials.begin() === null) return null;
    limitCost({ schema, model, document, operation, variables, limits });
    const edge = decideAtEdge({
      schema,
      document,
      operation,
      variables,
      headerPresent: header !== undefined,
      asked: null,
      floor: session.floor,
      hasToken: session.hasToken,
      defaultMaxLagMs: limits.boundedLagMs,
    });
    const tenancy = Tenancy.of(viewer?.tenant ?? null);
    const caching = this.#deps.cachingFor({ tenancy, settingsKey: settingsKey(settings) });
    const data = dataNow({
      kept,
      schema,
      variables: coerced,
      operation: new Operation({ model, limits, tenancy, session, edge, caching, notes: null }),
      // Synchronous since the first read, so no invalidation has been applied to the cache in between.
      whenRead: () => answers.begin(name, { document, operation, session }),
    });
    if (data === null) return null;
    plans.ended('cached');
    const report = session.report();
    const token = codec.encode(report.positions);
    const text = JSON.stringify(data);
    if (!edge.wantsExtensions) {
      const bytes = bytesOf(`{"data":${text}}\n`);
      answers.keep(name, session, { body: bytes, cacheControl: CACHE_CONTROL });
      return { body: bytes, cacheControl: CACHE_CONTROL, token };
    }
    const consistency = consistencyOf({ token, level: edge.root.level, region, report });
    return {
      body: bytesOf(`{"data":${text},"extensions":${JSON.stringify({ consistency })}}\n`),
      cacheControl: CACHE_CONTROL,
      token,
    };
  }
}
