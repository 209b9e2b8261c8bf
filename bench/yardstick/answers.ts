/**
 * Owns what is right: the answers to a workload's parts, asked of one server and compared with everybody else's before
 * anything is measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Agent, fetch } from 'undici';
import { type Data, type Requests, type Variables } from './requests.ts';

const AT_ONCE = 16;
const CACHING_MS = 60_000;
const POLL_MS = 100;
const SHOWN_CHARACTERS = 800;

export interface Asked {
  readonly url: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Answer {
  readonly data: Data;
  readonly token: string | null;
  readonly servedBy: Readonly<Record<string, number>>;
}

const dispatcher = new Agent({ connections: AT_ONCE });

async function ask({ url, query, headers }: Asked, variables: Variables, token: string | null = null): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    dispatcher,
    headers: {
      'content-type': 'application/json',
      ...headers,
      ...(token === null ? {} : { 'consistency-token': token }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, SHOWN_CHARACTERS)}`);
  const { data, errors, extensions } = JSON.parse(text) as {
    data?: Data;
    errors?: unknown;
    extensions?: { consistency?: { servedBy?: Record<string, number> } };
  };
  if (errors !== undefined || !data) throw new Error(`${url} answered with errors: ${text.slice(0, SHOWN_CHARACTERS)}`);
  return { data, token: response.headers.get('consistency-token'), servedBy: extensions?.consistency?.servedBy ?? {} };
}

/** The data that a server answers to each of the parts; afterwards they are in its caches. */
export async function partsOf(asked: Asked, { parts }: Pick<Requests, 'parts'>, atOnce = AT_ONCE): Promise<Data[]> {
  const answers: Data[] = [];
  const places = parts.entries();
  const work = async (): Promise<void> => {
    for (const [place, variables] of places) answers[place] = (await ask(asked, variables)).data;
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}

/** Throws when a server answers something else than what is right. */
export async function requireSame(
  name: string,
  asked: Asked,
  { requests, right }: { readonly requests: Requests; readonly right: readonly Data[] },
): Promise<void> {
  const answers = await partsOf(asked, requests);
  const place = answers.findIndex((answer, i) => !isDeepStrictEqual(answer, right[i]));
  if (place < 0) return;
  const shown = (data: Data | undefined): string => JSON.stringify(data).slice(0, SHOWN_CHARACTERS);
  throw new Error(
    `${name} answers ${JSON.stringify(requests.parts[place])} with\n${shown(answers[place])}\nwhere this is right:\n${shown(right[place])}`,
  );
}

/** A consistency token of Meridian's. With `cached`: waits until its caches answer. */
export async function tokenOf(
  asked: Asked,
  variables: Variables,
  { cached }: { readonly cached: boolean },
): Promise<string> {
  for (const until = performance.now() + CACHING_MS; ; await sleep(POLL_MS)) {
    const { token } = await ask(asked, variables);
    if (token === null) throw new Error(`${asked.url} gives no consistency token`);
    const { servedBy } = await ask(asked, variables, token);
    if (!cached || (servedBy['cache'] ?? 0) > 0) return token;
    if (performance.now() > until)
      throw new Error(`the caches of ${asked.url} answered nothing within ${CACHING_MS} ms`);
  }
}
