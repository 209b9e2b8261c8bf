/**
 * Owns one client operation at a gateway: what each fetch to a subgraph carries, what each answer reports, and what the
 * client gets.
 */
import { hash } from 'node:crypto';
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { joinedHeader } from '../consistency/token-cookies.ts';
import { writeLevel, type AskedLevel } from '../consistency/level-text.ts';
import { FLOOR_HEADER, KEY_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { readKey } from '../protocol/idempotency-key.ts';
import { splitTokens } from '../protocol/token-text.ts';
import { strongerAsked, type ClientOperation } from './client-operation.ts';
import { HeldTokens } from './held-tokens.ts';
import { mergeReports, readReport, tokenIn, type ConsistencyReport, type PartReport } from './merged-report.ts';
import { type GatewaySettings } from './options.ts';

export interface GatewayOperationInput {
  readonly operation: ClientOperation;
  /** A header of the client's request by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly settings: GatewaySettings;
  /**
   * Tokens of the request's cookies, joined by commas, and why not all of them can be read, as a part of a sentence;
   * null without token cookies.
   */
  readonly cookies?: { readonly tokens: string | undefined; readonly problem: string | null } | null;
}

/** Error codes that say that a token cannot be used, however often it is sent. */
const REFUSALS = [
  'CONSISTENCY_LOST',
  'CONSISTENCY_TOKEN_MALFORMED',
  'CONSISTENCY_TOKEN_FORGED',
  'CONSISTENCY_TOKEN_FOREIGN',
  'CONSISTENCY_TOKEN_FUTURE',
] as const;
export type RefusalCode = (typeof REFUSALS)[number];

/** The relevant properties of one fetch from a subgraph. */
export interface SubgraphFetch {
  /** Response keys, in the client's operation, of what it mutates; null if it reads. */
  readonly mutates: readonly string[] | null;
  /** Whether it looks up entities, for which the directives above them are not passed on. */
  readonly entities: boolean;
}

/** A fetch in flight. */
export interface SentFetch {
  readonly headers: Readonly<Record<string, string>>;
  /** The number of tokens it carries. */
  readonly tokens: readonly string[];
  readonly fetch: SubgraphFetch;
}

export interface SubgraphAnswer {
  /** The `consistency-token` header, repeated ones joined by commas; null without one. */
  readonly token: string | null | undefined;
  readonly extensions: unknown;
}

export class GatewayOperation {
  readonly #input: GatewayOperationInput;
  /** The client's tokens: its header, followed by those of its cookies. */
  readonly #client: string | undefined;
  readonly #held: HeldTokens;
  readonly #parts: PartReport[] = [];
  /** Mutations without a key that were sent and may have run. */
  readonly #sent = new Set<string>();
  /** Whether a mutation of this operation was answered. */
  #wrote = false;
  readonly #refusals = new Set<RefusalCode>();
  #hasTold = false;
  #toldOfCookies = false;

  constructor(input: GatewayOperationInput) {
    this.#input = input;
    this.#client = joinedHeader(input.header(TOKEN_HEADER), input.cookies?.tokens);
    this.#held = new HeldTokens(this.#client, input.settings);
  }

  /** Whether the client asked for `extensions.consistency`: by the header, by `@consistent`, or by mutating. */
  get wantsReport(): boolean {
    const { operation, header } = this.#input;
    return (
      header(TOKEN_HEADER) !== undefined ||
      operation.mutates !== null ||
      operation.level !== null ||
      operation.fieldLevel !== null
    );
  }

  /**
   * Call it for every attempt of a fetch at the moment of sending: it carries everything that was seen by then. Throws
   * `WRITE_OUTCOME_UNKNOWN` for a mutation without a key that is sent a second time, because it could run twice, and
   * `CONSISTENCY_TOKEN_MALFORMED` for too many cookies.
   */
  send(fetch: SubgraphFetch): SentFetch {
    const { header, settings } = this.#input;
    const { client, seen } = this.#held;
    this.#refuseCookies();
    const key = this.#keyFor(fetch);
    if (fetch.mutates !== null && key === undefined) this.#once(fetch.mutates);
    // An empty header asks only for the report.
    const token = this.#client ?? (this.wantsReport ? '' : undefined);
    const level = this.#levelFor(fetch);
    const headers = {
      ...Object.fromEntries(settings.passed.map((name) => [name, header(name)])),
      [TOKEN_HEADER]: token,
      [FLOOR_HEADER]: seen.length === 0 ? undefined : seen.join(','),
      [LEVEL_HEADER]: level === null ? undefined : writeLevel(level),
      [KEY_HEADER]: key,
    };
    const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { headers: Object.fromEntries(given), tokens: [...client, ...seen], fetch };
  }

  answered(sent: SentFetch, { token, extensions }: SubgraphAnswer): void {
    const report = readReport(extensions);
    if (report !== null) this.#parts.push(report);
    if (sent.fetch.mutates !== null) this.#wrote = true;
    // A subgraph without Meridian answers without a token, which says nothing about tokens.
    const answered = [...splitTokens(token), ...splitTokens(tokenIn(extensions))];
    this.#hasTold ||= answered.length > 0;
    this.#held.answered(sent.tokens, answered);
  }

  /** Errors of a subgraph. A write that was lost after its commit is not an error of a token. */
  failed(errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> | undefined }[]): void {
    for (const { extensions } of errors) {
      const code = REFUSALS.find((one) => one === extensions?.['code']);
      if (
        code !== undefined &&
        (extensions?.['details'] as { readonly committed?: unknown } | null | undefined)?.committed !== true
      )
        this.#refusals.add(code);
    }
  }

  /** Codes with which subgraphs have refused the client's tokens. */
  get refusals(): ReadonlySet<RefusalCode> {
    return this.#refusals;
  }

  /** As `token`, if any subgraph has answered: the client's own tokens alone say nothing new. */
  get told(): readonly string[] {
    return this.#hasTold ? this.#held.all : [];
  }

  /** Whether the client is told about cookies that were not read. */
  get toldOfCookies(): boolean {
    return this.#toldOfCookies;
  }

  /** The mutation of this attempt has certainly not run: it may be sent again. */
  notRun({ fetch: { mutates } }: SentFetch): void {
    if (mutates !== null) this.#sent.delete(nameOf(mutates));
  }

  /** For the client's `consistency-token` header; null if there is none. */
  get token(): string | null {
    return this.#held.all.length === 0 ? null : this.#held.all.join(',');
  }

  /** For `extensions.consistency`; null if the client did not ask, or no subgraph has reported anything. */
  get report(): ConsistencyReport | null {
    return this.wantsReport ? mergeReports(this.#parts, this.token) : null;
  }

  /**
   * EVENTUAL drops the floor, so everything that a fetch reads must ask for it: one field may be old while the entities
   * of other fields may not. Reads after a mutation see its write, whatever was asked, as within one subgraph.
   */
  #levelFor({ entities }: SubgraphFetch): AskedLevel | null {
    const { level, fieldLevel } = this.#input.operation;
    const asked = entities ? strongerAsked(level, fieldLevel) : level;
    return asked?.level === 'EVENTUAL' && (this.#wrote || level === null) ? null : asked;
  }

  /**
   * A client's key is valid for one request, and several mutations are several requests to subgraphs, often to the same
   * one. So each gets a derived key, which is the same when the client repeats the request. A single mutation keeps the
   * client's key.
   */
  #keyFor({ mutates }: SubgraphFetch): string | undefined {
    const { header, operation, settings } = this.#input;
    const given = mutates === null ? undefined : header(KEY_HEADER);
    if (given === undefined || mutates === null || (operation.mutates?.length ?? 0) < 2) return given;
    try {
      return hash('sha256', JSON.stringify([readKey(given, settings.idempotencyKeyBytes), ...mutates]), 'base64url');
    } catch (error) {
      if (!isMeridianError(error)) throw error;
      return given;
    }
  }

  #refuseCookies(): void {
    const problem = this.#input.cookies?.problem ?? null;
    if (problem === null) return;
    this.#toldOfCookies = true;
    throw new MeridianError({
      code: 'CONSISTENCY_TOKEN_MALFORMED',
      message: `The request's cookies cannot be honoured: ${problem}. They are expired with this answer: check what you see, and go on without them.`,
    });
  }

  #once(mutates: readonly string[]): void {
    const name = nameOf(mutates);
    if (this.#sent.has(name)) {
      throw new MeridianError({
        code: 'WRITE_OUTCOME_UNKNOWN',
        message: `The mutation ${mutates.join(', ')} was sent and its answer did not come, or was not usable; the gateway does not send it again without an ${KEY_HEADER}, so that it may or may not have happened. Look before you repeat it, or send the header next time.`,
        details: { committed: null },
      });
    }
    this.#sent.add(name);
  }
}

function nameOf(mutates: readonly string[]): string {
  return JSON.stringify(mutates);
}
