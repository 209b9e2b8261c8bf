/**
 * Owns one client operation at a gateway: what each fetch from a subgraph carries, what each answer tells, and what the
 * client gets in the end.
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
   * Tokens of the request's cookies, joined by commas, and why they cannot all be looked at, as a part of a sentence;
   * null without cookie mode.
   */
  readonly cookies?: { readonly tokens: string | undefined; readonly problem: string | null } | null;
}

/** What says of a token that it is of no use, however often it is tried. */
const REFUSALS = [
  'CONSISTENCY_LOST',
  'CONSISTENCY_TOKEN_MALFORMED',
  'CONSISTENCY_TOKEN_FORGED',
  'CONSISTENCY_TOKEN_FOREIGN',
  'CONSISTENCY_TOKEN_FUTURE',
] as const;
export type RefusalCode = (typeof REFUSALS)[number];

/** One fetch from a subgraph, as far as it matters here. */
export interface SubgraphFetch {
  /** Response keys, of the client's operation, of what it mutates; null where it reads. */
  readonly mutates: readonly string[] | null;
  /** Whether it looks up entities, so that directives above them did not come along. */
  readonly entities: boolean;
}

/** A fetch that is under way. */
export interface SentFetch {
  readonly headers: Readonly<Record<string, string>>;
  /** Tokens among them. */
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
  /** The client's tokens: its header with those of its cookies behind it. */
  readonly #client: string | undefined;
  readonly #held: HeldTokens;
  readonly #parts: PartReport[] = [];
  /** Mutations without a key that were sent, and of which nobody knows that they have not run. */
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
   * To be called for every try of a fetch, at the moment when it goes: it carries what was seen by then. Throws
   * `WRITE_OUTCOME_UNKNOWN` for a mutation that goes a second time without a key, which would run it twice, and
   * `CONSISTENCY_TOKEN_MALFORMED` for cookies that are too many.
   */
  send(fetch: SubgraphFetch): SentFetch {
    const { header, settings } = this.#input;
    const { client, seen } = this.#held;
    this.#refuseCookies();
    const key = this.#keyFor(fetch);
    if (fetch.mutates !== null && key === undefined) this.#once(fetch.mutates);
    // Empty, it asks for the report alone.
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
    // A subgraph without Meridian answers without a token, which settles nothing.
    const answered = [...splitTokens(token), ...splitTokens(tokenIn(extensions))];
    this.#hasTold ||= answered.length > 0;
    this.#held.answered(sent.tokens, answered);
  }

  /** Errors of a subgraph's. A write that was lost after it was committed is no fault of any token's. */
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

  /** As `token`, if any subgraph has answered for it: what the client says of itself is no news. */
  get told(): readonly string[] {
    return this.#hasTold ? this.#held.all : [];
  }

  /** Whether the client hears of cookies that were not looked at. */
  get toldOfCookies(): boolean {
    return this.#toldOfCookies;
  }

  /** The mutation of this try has certainly not run: it may go again. */
  notRun({ fetch: { mutates } }: SentFetch): void {
    if (mutates !== null) this.#sent.delete(nameOf(mutates));
  }

  /** For the client's `consistency-token` header; null where there is nothing to tell. */
  get token(): string | null {
    return this.#held.all.length === 0 ? null : this.#held.all.join(',');
  }

  /** For `extensions.consistency`; null where the client did not ask, or no subgraph has told anything. */
  get report(): ConsistencyReport | null {
    return this.wantsReport ? mergeReports(this.#parts, this.token) : null;
  }

  /**
   * EVENTUAL drops the floor, so that everything a fetch is for must ask for it: one field may be old, while entities
   * under its neighbours may not. What follows a mutation sees its write, whatever was asked before, as it does within
   * one subgraph.
   */
  #levelFor({ entities }: SubgraphFetch): AskedLevel | null {
    const { level, fieldLevel } = this.#input.operation;
    const asked = entities ? strongerAsked(level, fieldLevel) : level;
    return asked?.level === 'EVENTUAL' && (this.#wrote || level === null) ? null : asked;
  }

  /**
   * A client's key is good for one request, and several mutations are several requests to subgraphs, often to the same
   * one. Each has a key of its own, which is the same when the client comes again. A single mutation keeps the client's
   * key.
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
