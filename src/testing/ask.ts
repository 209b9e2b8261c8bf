/** Owns a GraphQL request as any client sends it, and what came back. */
import { MeridianError, messageOf } from '../base/errors.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';

export interface TestAnswer<D = Record<string, unknown>> {
  /** Status of the HTTP answer. */
  readonly status: number;
  /** Null where the operation as a whole failed. */
  readonly data: D | null;
  /** Empty where there are none. */
  readonly errors: readonly TestAnswerError[];
  /** `consistency` says who has answered: `{ region, level, servedBy: { cache, replica, primary }, … }`. */
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
  /** The consistency token, for the next request that must not see less; null where the answer has none. */
  readonly token: string | null;
}

export interface TestAnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string } & Readonly<Record<string, unknown>>;
}

export interface Asking {
  readonly url: string;
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: no header at all. */
  readonly token: string | null;
  readonly signal?: AbortSignal;
}

/** Throws `REGION_UNAVAILABLE` when nobody answers, or something that is no GraphQL answer. */
export async function ask<D>({ url, document, variables, headers, token, signal }: Asking): Promise<TestAnswer<D>> {
  const unavailable = (what: string, cause?: unknown): MeridianError =>
    new MeridianError({ code: 'REGION_UNAVAILABLE', message: `The server at ${url} ${what}.`, cause });
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === null ? {} : { [TOKEN_HEADER]: token }), ...headers },
      body: JSON.stringify({ query: document, variables }),
      ...(signal ? { signal } : {}),
    });
    text = await response.text();
  } catch (error) {
    throw unavailable(`does not answer (${messageOf(error)})`, error);
  }
  let body: Partial<Pick<TestAnswer<D>, 'data' | 'errors' | 'extensions'>>;
  try {
    body = JSON.parse(text) as typeof body;
  } catch (error) {
    throw unavailable(`answered ${response.status} with what is no JSON: ${text.slice(0, 200)}`, error);
  }
  return {
    status: response.status,
    data: body.data ?? null,
    errors: body.errors ?? [],
    extensions: body.extensions ?? {},
    headers: response.headers,
    token: response.headers.get(TOKEN_HEADER),
  };
}
