/** Owns Meridian's plugin for Hive Gateway: one consistency token for all fetches of one client operation. */
import { type GatewayPlugin } from '@graphql-hive/gateway-runtime';
import { type DocumentNode } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { looksUpEntities, mutatedBy, readOperation } from './client-operation.ts';
import { ClientExchange, FOR_ONE_CLIENT } from './exchange.ts';
import { type GatewayOperation, type SentFetch, type SubgraphFetch } from './operation.ts';
import { settingsOf, type GatewayOptions } from './options.ts';
import { errorExtensions } from './plugin-error.ts';

export { type CookieOptions, type GatewayOptions } from './options.ts';

/**
 * Makes the requests of two operations different; it never leaves the gateway. Hive sends equal concurrent requests
 * once. The answer, with its token and with what was read for STRONG before the second client asked, would then be used
 * for both.
 */
const APART_HEADER = 'consistency-operation';

/** What the hooks share of a request to a subgraph. Hive's own type is wider. */
interface ExecutionRequest {
  readonly document: DocumentNode;
  readonly context?: unknown;
  readonly info?: unknown;
  extensions?: Record<string, unknown> | undefined;
}

interface Execution {
  readonly document: DocumentNode;
  readonly operationName?: string | null;
  readonly variableValues?: Readonly<Record<string, unknown>> | null;
  readonly contextValue?: unknown;
}

interface Running {
  readonly operation: GatewayOperation;
  readonly document: DocumentNode;
  readonly apart: string;
}

/** In `plugins: () => [meridianHive()]`. Throws `CONFIG_INVALID`. */
export function meridianHive(options: GatewayOptions = {}): GatewayPlugin {
  const settings = settingsOf(options);
  const running = new WeakMap<object, Running>();
  const byRequest = new WeakMap<object, ClientExchange>();
  const lastSent = new WeakMap<object, SentFetch>();
  let started = 0;

  /** One exchange per request if there is one; over transports other than HTTP each operation has its own. */
  const exchangeOf = (context: object): ClientExchange => {
    const { request } = context as { readonly request?: unknown };
    const known = isObject(request) ? byRequest.get(request) : undefined;
    if (known !== undefined) return known;
    const exchange = new ClientExchange({ header: headersOf(context), settings });
    if (isObject(request)) byRequest.set(request, exchange);
    return exchange;
  };
  const runningOf = (request: ExecutionRequest | undefined): Running | undefined =>
    isObject(request?.context) ? running.get(request.context) : undefined;

  return {
    onExecute(hook) {
      const { document, operationName, variableValues, contextValue: context } = hook.args as Execution;
      if (!isObject(context)) return undefined;
      let operation = running.get(context)?.operation;
      // Hive executes an operation again if the supergraph is replaced meanwhile: it is the same operation.
      if (operation === undefined || running.get(context)?.document !== document) {
        const asked = readOperation({
          document,
          operationName: operationName ?? null,
          variables: variableValues ?? {},
        });
        if (asked === null) return undefined;
        operation = exchangeOf(context).begin(asked);
        running.set(context, { operation, document, apart: String((started += 1)) });
      }
      const own = operation;
      return {
        onExecuteDone({ result, setResult }) {
          const { report } = own;
          if (report === null || Symbol.asyncIterator in result) return;
          setResult({ ...result, extensions: { ...result.extensions, consistency: report } });
        },
      };
    },

    onSubgraphExecute({ executionRequest }) {
      const request: ExecutionRequest = executionRequest;
      const own = runningOf(request);
      if (own === undefined) return undefined;
      request.extensions = {
        ...request.extensions,
        headers: { ...(request.extensions?.['headers'] as object | undefined), [APART_HEADER]: own.apart },
      };
      return ({ result }) => {
        const sent = lastSent.get(request);
        if (sent === undefined || Symbol.asyncIterator in result) return;
        own.operation.answered(sent, { token: null, extensions: result.extensions });
        own.operation.failed(result.errors ?? []);
      };
    },

    onFetch(hook) {
      const init = hook.options;
      const request: ExecutionRequest | undefined = hook.executionRequest;
      const own = runningOf(request);
      if (request === undefined || own === undefined) return undefined;
      const { operation } = own;
      let sent: SentFetch;
      try {
        sent = operation.send(fetchOf(request));
      } catch (error) {
        hook.endResponse(refused(error));
        return undefined;
      }
      lastSent.set(request, sent);
      // Hive removes them when it sends; a second attempt would lack them.
      const before = plainHeaders(init.headers);
      request.extensions = { ...request.extensions, headers: { ...before, [APART_HEADER]: own.apart } };
      hook.setOptions({ ...init, headers: withHeaders(before, sent.headers, settings.passed) });
      return async ({ response }) => {
        if (await hasNotRun(sent, { body: init.body, response })) operation.notRun(sent);
        operation.answered(sent, { token: response.headers.get(TOKEN_HEADER), extensions: null });
      };
    },

    onResponse({ request, response }) {
      const { token, cookies } = exchangeOf({ request });
      if (token !== null) response.headers.set(TOKEN_HEADER, token);
      for (const cookie of cookies) response.headers.append('set-cookie', cookie);
      if (cookies.length > 0) response.headers.set('cache-control', FOR_ONE_CLIENT);
    },
  };
}

function headersOf(context: object): (name: string) => string | undefined {
  const { request, headers } = context as {
    readonly request?: { readonly headers?: Headers };
    readonly headers?: Readonly<Record<string, string | undefined>>;
  };
  return (name) => request?.headers?.get(name) ?? headers?.[name];
}

/**
 * Hive's own planner sends each mutation separately, without its alias; the Rust planner sends them as planned, with
 * aliases.
 */
function fetchOf({ document, info }: ExecutionRequest): SubgraphFetch {
  const mutates = mutatedBy(document);
  const key = rootKey((info as { readonly path?: PathStep } | undefined)?.path);
  return { mutates: mutates !== null && key !== null ? [key] : mutates, entities: looksUpEntities(document) };
}

interface PathStep {
  readonly prev?: PathStep | undefined;
  readonly key: string | number;
}

function rootKey(path: PathStep | undefined): string | null {
  let step = path;
  while (step?.prev !== undefined) step = step.prev;
  return step === undefined ? null : String(step.key);
}

/** Passed headers that others have set stay; consistency headers belong to this plugin alone. */
function withHeaders(
  before: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  passed: readonly string[],
): Record<string, string> {
  const headers = Object.fromEntries(Object.entries(before).filter(([name]) => name !== APART_HEADER));
  const known = new Map(Object.keys(headers).map((name) => [name.toLowerCase(), name]));
  for (const [name, value] of Object.entries(own)) {
    const there = known.get(name);
    if (there !== undefined && passed.includes(name)) continue;
    if (there !== undefined) delete headers[there];
    headers[name] = value;
  }
  return headers;
}

function plainHeaders(headers: unknown): Record<string, string> {
  if (headers instanceof Headers || Array.isArray(headers))
    return Object.fromEntries(new Headers(headers as [string, string][]));
  return { ...(headers as Record<string, string> | undefined) };
}

/** Refused without being read, or sent by a hash that the subgraph did not know. */
async function hasNotRun(
  { fetch }: SentFetch,
  { body, response }: { readonly body: unknown; readonly response: Response },
): Promise<boolean> {
  if (fetch.mutates === null) return false;
  if (response.status >= 400 && response.status < 500) return true;
  if (typeof body !== 'string' || 'query' in (JSON.parse(body) as object)) return false;
  return (await response.clone().text()).includes('PersistedQueryNotFound');
}

function refused(error: unknown): Response {
  if (!(error instanceof MeridianError)) throw error;
  return Response.json({ data: null, errors: [{ message: error.message, extensions: errorExtensions(error) }] });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
