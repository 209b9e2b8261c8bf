/**
 * Owns answers to requests that are new while their documents are not: a plan carries them out at once, where the
 * process's cache has every row. What is asked, and how the answer looks, is what the usual way makes of the same
 * request; anything that is out of the ordinary is left to that way.
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
  /** Keeps the answers that are asked for again. */
  readonly answers: Pick<OperationCache, 'begin' | 'keep'>;
  cachingFor(scope: CacheScope): LoaderCaching | null;
  openSession(asked: Pick<AskedHeaders, 'token' | 'floor'>, settings: readonly Setting[]): ReadSession;
}

/** As everywhere where the schema has no `@cacheControl`, and a plan is none of those. */
const CACHE_CONTROL = 'no-store';

export class PlannedAnswers {
  readonly #deps: PlannedAnswersDeps;
  /** Documents that were validated, and carried out by a plan, by their texts; null: none is kept. */
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

  /** The document of this text has passed validation, and a plan has carried out an operation of it. */
  learn(text: string, document: DocumentNode): void {
    if (this.#documents?.has(text) === false) this.#documents.set(text, document);
  }

  /**
   * Null: the request takes the usual way, and nothing of it was done. Throws what is wrong with it, which the usual way
   * finds again.
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
      // The step of the program is the same still: nothing was applied to the cache since the first read.
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
