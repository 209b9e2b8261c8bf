/** Owns tokens in `fetch`, for every client that accepts a fetch function. */
import { KEY_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type Carrier, type ClientOperation } from './carrier.ts';
import { operationAt, operationIn } from './document.ts';
import { newKey } from './idempotency.ts';
import { type TokenStore } from './token-store.ts';

export interface ClientOptions {
  readonly store: TokenStore;
  /**
   * Gives each mutation an idempotency key, so that a mutation which is sent again because its answer was lost takes
   * effect once; default false.
   */
  readonly idempotencyKeys?: boolean;
}

type Fetch = typeof fetch;
type Input = Parameters<Fetch>[0];
type Init = Parameters<Fetch>[1];

/**
 * `fetch` that carries tokens. Use it only for the graph: every request gets the token header. An answer is returned
 * when its JSON has arrived, because its token must be known before the client sends another request. Of answers in
 * parts (multipart, event streams) only the header is read.
 */
export function withTokens(fetch: Fetch, { store, idempotencyKeys = false }: ClientOptions): Fetch {
  return async (input, init) => {
    const operation = await operationOf(input, init);
    const carrier = store.carry(operation ?? { kind: 'unknown', name: null });
    const mayWrite = operation?.kind === 'mutation' || operation?.kind === 'unknown';
    return send({
      fetch,
      input,
      init,
      carrier,
      isGraphQL: operation !== null,
      key: idempotencyKeys && mayWrite ? newKey() : null,
    });
  };
}

export interface Request {
  readonly fetch: Fetch;
  readonly input: Input;
  readonly init: Init;
  readonly carrier: Carrier;
  readonly isGraphQL: boolean;
  readonly key: string | null;
  /** Called if the answer's body was read, which is so for JSON. */
  readonly onTaken?: () => void;
}

export async function send({ fetch, input, init, carrier, isGraphQL, key, onTaken }: Request): Promise<Response> {
  for (;;) {
    const headers = new Headers(init?.headers ?? (isRequest(input) ? input.headers : {}));
    for (const [name, value] of Object.entries(carrier.headers())) headers.set(name, value);
    if (key !== null && !headers.has(KEY_HEADER)) headers.set(KEY_HEADER, key);
    // A request's body can be read once.
    const response = await fetch(isRequest(input) ? input.clone() : input, { ...init, headers });
    const isJson = isGraphQL && /\bjson\b/i.test(response.headers.get('content-type') ?? '');
    if (isJson) onTaken?.();
    const repeat = carrier.take({
      header: response.headers.get(TOKEN_HEADER),
      result: isJson ? await jsonOf(response) : null,
    });
    if (repeat === null) return response;
    await response.body?.cancel();
    await pause(repeat.afterMs, init?.signal ?? (isRequest(input) ? input.signal : null));
  }
}

async function operationOf(input: Input, init: Init): Promise<ClientOperation | null> {
  const method = init?.method ?? (isRequest(input) ? input.method : 'GET');
  if (method.toUpperCase() === 'GET') return operationAt(isRequest(input) ? input.url : String(input));
  if (typeof init?.body === 'string') return operationIn(init.body);
  if (init?.body instanceof FormData) return uploadIn(init.body);
  if (init?.body !== undefined && init.body !== null) return null;
  return isRequest(input) && /\bjson\b/i.test(input.headers.get('content-type') ?? '')
    ? operationIn(await input.clone().text())
    : null;
}

/** File uploads send the operation as a field of a form. */
function uploadIn(form: FormData): ClientOperation | null {
  const operations = form.get('operations');
  return typeof operations === 'string' ? operationIn(operations) : null;
}

/** The caller reads the body itself. An error while reading reaches the caller there. */
async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.clone().json();
  } catch {
    return null;
  }
}

function isRequest(input: Input): input is Exclude<Input, string | URL> {
  return typeof input === 'object' && 'headers' in input;
}

/** Ends early if the request is aborted: the next fetch throws that error. */
function pause(ms: number, signal: AbortSignal | null): Promise<void> {
  if (ms === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
