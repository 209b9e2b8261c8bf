/**
 * Owns queries to the servers of the graph's other subgraphs: in parallel, each within its limits, with the viewer's
 * credentials, and never forwarded in a cycle.
 */
import { messageOf } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { type Options } from '../config/options.ts';
import { SIBLING_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type Log } from '../telemetry/log.ts';
import { traceFields } from '../telemetry/trace.ts';
import {
  conflictsQuestion,
  ERRORS,
  regionHealthQuestion,
  type SiblingConflict,
  type SiblingQuestion,
  type SiblingRegion,
} from './sibling-answers.ts';

export interface SiblingsOptions {
  /** Name of this server's own subgraph. */
  readonly self: string;
  /** GraphQL URLs by subgraph name; the URL of this server's own subgraph is ignored. */
  readonly urls: ReadonlyMap<string, string>;
  readonly limits: Pick<Options, 'siblingMs' | 'siblingBytes' | 'siblingQuestions'>;
  /**
   * Names of the fields that are queried. They are this server's names, because the composed graph has each field
   * once.
   */
  readonly fields: { readonly regionHealth: string; readonly conflicts: string };
  readonly log: Log;
}

/** The request for which a query is sent. */
export interface Asker {
  /** The viewer's credentials and the trace context. */
  readonly headers: Readonly<Record<string, string>>;
  /** The consistency tokens of the request; undefined if it has none. */
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export type SiblingAnswer<T> =
  | { readonly ok: true; readonly rows: readonly T[]; readonly token: string | null }
  /** `why`: a predicate whose subject is the server, for a message. `code`: the error code of the server's refusal. */
  | { readonly ok: false; readonly why: string; readonly code: string | null };

export interface SiblingHealth {
  readonly subgraph: string;
  readonly answer: SiblingAnswer<SiblingRegion>;
  /** When queries to it began to fail, milliseconds since 1970; null when this one succeeded. */
  readonly failingSinceMs: number | null;
}

export type ConflictArguments = Readonly<Record<'entity' | 'id' | 'since' | 'before', string | null>> & {
  readonly first: number;
};

const MESSAGE_LENGTH = 300;

export class Siblings {
  readonly #options: SiblingsOptions;
  readonly #urls: ReadonlyMap<string, string>;
  readonly #failingSinceMs = new Map<string, number>();
  #underWay = 0;

  constructor(options: SiblingsOptions) {
    this.#options = options;
    this.#urls = new Map([...options.urls].filter(([name]) => name !== options.self));
  }

  get names(): readonly string[] {
    return [...this.#urls.keys()];
  }

  /**
   * Queries all of them in parallel, without a token: a region's health must be reported also while no server can meet
   * a floor. Never rejects, and never takes longer than `siblingMs`.
   */
  regionHealth(asker: Asker): Promise<readonly SiblingHealth[]> {
    return Promise.all(
      [...this.#urls].map(async ([subgraph, url]) => {
        const answer = await this.#ask({
          subgraph,
          url,
          question: regionHealthQuestion(this.#options.fields.regionHealth),
          variables: {},
          asker,
        });
        if (answer.ok) this.#failingSinceMs.delete(subgraph);
        else if (!this.#failingSinceMs.has(subgraph)) this.#failingSinceMs.set(subgraph, Date.now());
        return { subgraph, answer, failingSinceMs: this.#failingSinceMs.get(subgraph) ?? null };
      }),
    );
  }

  /** Never rejects. */
  conflicts(subgraph: string, variables: ConflictArguments, asker: Asker): Promise<SiblingAnswer<SiblingConflict>> {
    const url = this.#urls.get(subgraph);
    if (url === undefined) return Promise.resolve(failed('is not known here'));
    const headers = { ...asker.headers, ...(asker.token === undefined ? {} : { [TOKEN_HEADER]: asker.token }) };
    return this.#ask({
      subgraph,
      url,
      question: conflictsQuestion(this.#options.fields.conflicts),
      variables,
      asker: { ...asker, headers },
    });
  }

  async #ask<T extends { readonly subgraph: string | null }>(asked: {
    readonly subgraph: string;
    readonly url: string;
    readonly question: SiblingQuestion<T>;
    readonly variables: object;
    readonly asker: Asker;
  }): Promise<SiblingAnswer<T>> {
    const { siblingQuestions } = this.#options.limits;
    // A proxy that drops the header can route a query back to this server; the limit ends such a cycle as well.
    if (this.#underWay >= siblingQuestions)
      return failed(`was not asked: ${siblingQuestions} questions to other subgraphs are under way already`);
    this.#underWay += 1;
    try {
      return named(asked.subgraph, await this.#send(asked));
    } finally {
      this.#underWay -= 1;
    }
  }

  async #send<T>({
    subgraph,
    url,
    question,
    variables,
    asker,
  }: {
    readonly subgraph: string;
    readonly url: string;
    readonly question: SiblingQuestion<T>;
    readonly variables: object;
    readonly asker: Asker;
  }): Promise<SiblingAnswer<T>> {
    const {
      self,
      limits: { siblingMs, siblingBytes },
      log,
    } = this.#options;
    const late = AbortSignal.timeout(siblingMs);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...asker.headers,
          'content-type': 'application/json',
          accept: 'application/json',
          [SIBLING_HEADER]: self,
        },
        body: JSON.stringify({ query: question.query, variables }),
        // The viewer's credentials must not follow a redirect to another host.
        redirect: 'error',
        signal: asker.signal === undefined ? late : AbortSignal.any([late, asker.signal]),
      });
      const body = await bounded(response, siblingBytes);
      if (body === null) return failed('answered more than siblingBytes');
      return read(question, body, response);
    } catch (error) {
      log.debug(
        { subgraph, url, err: error, ...traceFields() },
        `The server of subgraph ${subgraph} did not answer: ${messageOf(error)}`,
      );
      return failed(late.aborted ? `did not answer within ${siblingMs} ms` : 'cannot be reached');
    }
  }
}

/** Null if the body is longer than `maxBytes`; the part that was received is discarded. */
async function bounded(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function read<T>({ field, answer }: SiblingQuestion<T>, body: string, { status, headers }: Response): SiblingAnswer<T> {
  const { data, errors } = parsed(body);
  const refusal = ERRORS.safeParse(errors);
  if (refusal.success) {
    const [{ message, extensions } = { message: '' }] = refusal.data;
    return { ok: false, why: `refused: ${message.slice(0, MESSAGE_LENGTH)}`, code: extensions?.code ?? null };
  }
  const rows = answer.safeParse((data as Record<string, unknown> | null | undefined)?.[field]);
  if (rows.success) return { ok: true, rows: rows.data, token: headers.get(TOKEN_HEADER) };
  return failed(status === 200 ? 'answered what no server of this version answers' : `answered with status ${status}`);
}

function parsed(body: string): { readonly data?: unknown; readonly errors?: unknown } {
  try {
    return (parseJson(body) as { data?: unknown } | null) ?? {};
  } catch {
    return {};
  }
}

/**
 * Refuses the answer of a server that reports another subgraph's name: the URL is wrong, and may be this server's own.
 */
function named<T extends { readonly subgraph: string | null }>(
  subgraph: string,
  answer: SiblingAnswer<T>,
): SiblingAnswer<T> {
  if (!answer.ok) return answer;
  const other = answer.rows.find((row) => row.subgraph !== null && row.subgraph !== subgraph);
  if (other !== undefined)
    return failed(
      `says that it is subgraph ${JSON.stringify(other.subgraph?.slice(0, MESSAGE_LENGTH))}: correct siblings`,
    );
  return { ...answer, rows: answer.rows.map((row) => ({ ...row, subgraph })) };
}

function failed(why: string): { readonly ok: false; readonly why: string; readonly code: null } {
  return { ok: false, why, code: null };
}
