/**
 * Owns asking for many things in one request, and telling what became of each: an answer, or a refusal that is this
 * one's alone.
 */
import { hash } from 'node:crypto';
import { readJson, toJson, type Wire } from './wire.ts';

/** One field of an operation. */
export interface Ask {
  /** `cellCreate(id: "1", v: $v) { row { v } }`, in one line; `$v` is renamed so that every ask has its own. */
  readonly field: string;
  /** Type of `$v` and its value; null where the text has none. */
  readonly variable: {
    readonly type: string;
    readonly value: Wire;
    readonly asDefault?: boolean;
    readonly literal?: string | null;
  } | null;
}

export type Reply =
  | { readonly kind: 'data'; readonly data: Wire }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

export interface SendOptions {
  readonly url: string;
  readonly operation: 'query' | 'mutation';
  /** The consistency token that is sent; '' asks for one. */
  readonly token?: string;
  readonly bearer?: string;
  /** Directives of the operation. */
  readonly directive?: string;
  /** Sends each request twice, under one idempotency key, and takes the second answer. */
  readonly once?: boolean;
}

export interface Sent {
  readonly replies: readonly Reply[];
  /** The last token that was given. */
  readonly token: string | null;
  /** Who answered how many of the values, of all requests together. */
  readonly servedBy: { cache: number; replica: number; primary: number };
}

interface Body {
  readonly data?: { readonly [alias: string]: Wire } | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly Wire[];
    readonly locations?: readonly { readonly line: { readonly rawJSON: string } }[];
    readonly extensions?: { readonly code?: string };
  }[];
  readonly extensions?: {
    readonly consistency?: {
      readonly token?: string;
      readonly servedBy?: Record<'cache' | 'replica' | 'primary', { readonly rawJSON: string }>;
    };
  };
}

/** The request as it goes over the wire, one line for each ask. */
export function requestOf(
  asks: readonly Ask[],
  { operation, directive = '' }: Pick<SendOptions, 'operation' | 'directive'>,
): string {
  const named = asks.map(({ field, variable }, place) => ({
    alias: `a${place}`,
    field: field.replaceAll(/\$v\b/g, `$v${place}`),
    variable,
    name: `v${place}`,
  }));
  const declared = named.flatMap(({ variable, name }) =>
    variable === null
      ? []
      : [`$${name}: ${variable.type}${variable.asDefault ? ` = ${variable.literal ?? 'null'}` : ''}`],
  );
  const lines = [
    `${operation} Trip${declared.length === 0 ? '' : `(${declared.join(', ')})`} ${directive} {`,
    ...named.map(({ alias, field }) => `${alias}: ${field}`),
    '}',
  ];
  const variables = Object.fromEntries(
    named.flatMap(({ variable, name }) => (variable === null || variable.asDefault ? [] : [[name, variable.value]])),
  );
  return toJson({ query: lines.join('\n'), variables });
}

/** Sends them in as few requests as it takes to know about each. */
export async function send(asks: readonly Ask[], options: SendOptions): Promise<Sent> {
  const replies = new Array<Reply>(asks.length);
  const sent = { token: null as string | null, servedBy: { cache: 0, replica: 0, primary: 0 } };
  await sendSome(
    asks,
    asks.map((_, place) => place),
    { options, replies, sent },
  );
  return { replies, ...sent };
}

interface Sending {
  readonly options: SendOptions;
  readonly replies: Reply[];
  readonly sent: { token: string | null; servedBy: { cache: number; replica: number; primary: number } };
}

async function sendSome(asks: readonly Ask[], places: readonly number[], sending: Sending): Promise<void> {
  if (places.length === 0) return;
  const { options, replies, sent } = sending;
  const text = requestOf(
    places.map((place) => asks[place] as Ask),
    options,
  );
  if (options.once) await (await post(text, options)).text();
  const response = await post(text, options);
  const { body, broken } = bodyOf(await response.text(), response.status);
  const { data = null, errors = [], extensions } = body;
  sent.token = extensions?.consistency?.token ?? response.headers.get('consistency-token') ?? sent.token;
  for (const who of ['cache', 'replica', 'primary'] as const)
    sent.servedBy[who] += Number(extensions?.consistency?.servedBy?.[who].rawJSON ?? 0);
  if (data !== null && broken === null) {
    for (const [index, place] of places.entries()) {
      const error = errors.find(({ path }) => path?.[0] === `a${index}`);
      replies[place] = error ? refusal(error) : { kind: 'data', data: data[`a${index}`] ?? null };
    }
    return;
  }
  const [first] = places;
  if (places.length === 1 && first !== undefined) {
    replies[first] =
      broken ??
      (errors[0]
        ? refusal(errors[0])
        : { kind: 'error', code: 'NOTHING', message: 'an answer without data and without errors' });
    return;
  }
  const guilty = new Map<number, Reply>();
  for (const error of errors) {
    const index = indexOf(error, places.length);
    if (index !== null && !guilty.has(index)) guilty.set(index, refusal(error));
  }
  for (const [index, reply] of guilty) replies[places[index] as number] = reply;
  if (guilty.size > 0)
    return sendSome(
      asks,
      places.filter((_, index) => !guilty.has(index)),
      sending,
    );
  // Nobody says whose fault it is: halves tell.
  const middle = places.length >> 1;
  await sendSome(asks, places.slice(0, middle), sending);
  await sendSome(asks, places.slice(middle), sending);
}

function post(body: string, { url, token = '', bearer, once }: SendOptions): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    'consistency-token': token,
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    ...(once ? { 'idempotency-key': hash('sha256', body, 'hex') } : {}),
  };
  return fetch(url, { method: 'POST', headers, body });
}

type BodyError = NonNullable<Body['errors']>[number];

const refusal = ({ message, extensions }: BodyError): Reply => ({
  kind: 'error',
  code: extensions?.code ?? 'NO CODE',
  message,
});

/** Which of the request's asks an error is about, by its variable, its path or its line. */
function indexOf({ message, locations, path }: BodyError, count: number): number | null {
  const named =
    /\$v(\d+)\b/.exec(message)?.[1] ?? (typeof path?.[0] === 'string' ? /^a(\d+)$/.exec(path[0])?.[1] : undefined);
  if (named !== undefined) return Number(named) < count ? Number(named) : null;
  const line = Number(locations?.[0]?.line.rawJSON ?? 0);
  return line >= 2 && line - 2 < count ? line - 2 : null;
}

function bodyOf(text: string, status: number): { readonly body: Body; readonly broken: Reply | null } {
  try {
    return { body: readJson(text) as unknown as Body, broken: null };
  } catch (error) {
    return {
      body: {},
      broken: { kind: 'error', code: `HTTP ${status}`, message: `no JSON (${String(error)}): ${text.slice(0, 200)}` },
    };
  }
}
