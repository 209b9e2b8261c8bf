/**
 * Owns one client's request at a gateway, with all of its operations: they share its cookies and the headers of its
 * answer.
 */
import { isMeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import {
  cookiesAfter,
  joinedHeader,
  joinedTokens,
  tokensOfCookies,
  type FoundTokens,
} from '../consistency/token-cookies.ts';
import { type TokenCodec } from '../consistency/token.ts';
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { leastTokens, splitTokens } from '../protocol/token-text.ts';
import { type ClientOperation } from './client-operation.ts';
import { folded } from './held-tokens.ts';
import { GatewayOperation } from './operation.ts';
import { type GatewaySettings } from './options.ts';

export interface ExchangeInput {
  /** A header of the client's request by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly settings: GatewaySettings;
}

/** What is wrong with a token's text, if the secret is known; it is checked without a database. */
const TEXT_REFUSALS = ['CONSISTENCY_TOKEN_MALFORMED', 'CONSISTENCY_TOKEN_FORGED'];

/** An answer that sets a cookie is for one client: no cache may keep it for another. */
export const FOR_ONE_CLIENT = 'private, no-store';

export class ClientExchange {
  readonly #input: ExchangeInput;
  /** Null without token cookies. */
  readonly #found: FoundTokens | null;
  readonly #operations: GatewayOperation[] = [];

  constructor(input: ExchangeInput) {
    const {
      header,
      settings: { cookies, codec },
    } = input;
    this.#input = input;
    this.#found =
      cookies === null
        ? null
        : tokensOfCookies(header('cookie'), cookies, (token) => codec === null || positionsOf(token, codec) !== null);
  }

  begin(operation: ClientOperation): GatewayOperation {
    const cookies =
      this.#found === null ? null : { tokens: joinedTokens(this.#found.tokens), problem: this.#found.problem };
    const begun = new GatewayOperation({ ...this.#input, operation, cookies });
    this.#operations.push(begun);
    return begun;
  }

  /** For the answer's `consistency-token` header; null if there is none. */
  get token(): string | null {
    const tokens = this.#together(this.#operations.flatMap(({ token }) => splitTokens(token)));
    return tokens.length === 0 ? null : tokens.join(',');
  }

  /** The answer's Set-Cookie values; call it when every operation is done. */
  get cookies(): readonly string[] {
    const {
      settings: { cookies },
    } = this.#input;
    const found = this.#found;
    if (cookies === null || found === null) return [];
    // Set with the answer that reports it, and not with one that asked no subgraph.
    if (found.problem !== null && !this.#operations.some(({ toldOfCookies }) => toldOfCookies)) return [];
    const told = this.#operations.flatMap((operation) => operation.told);
    const refused = this.#operations
      .flatMap(({ refusals }) => [...refusals])
      .filter((code) => this.#meansCookies(code));
    if (refused.length === 0) return cookiesAfter({ found, answered: this.#together(told) }, cookies);
    return cookiesAfter({ found, answered: this.#together(this.#news(told)), rejected: found.tokens }, cookies);
  }

  /** Cookies whose signatures are valid are not the cause of an error in the header. */
  #meansCookies(code: string): boolean {
    const {
      header,
      settings: { codec },
    } = this.#input;
    return codec === null || !TEXT_REFUSALS.includes(code) || positionsOf(header(TOKEN_HEADER) ?? '', codec) !== null;
  }

  /**
   * Only the subgraph knows which position was refused, and all the others pass it on in their tokens. So the client's
   * tokens are removed, and positions that subgraphs have added stay. Without the secret a position cannot be removed
   * from a token.
   */
  #news(told: readonly string[]): string[] {
    const {
      header,
      settings: { codec },
    } = this.#input;
    if (codec === null) return [];
    const had = splitTokens(joinedHeader(header(TOKEN_HEADER), this.#found?.tokens.join(',')));
    const known = new Set(had.flatMap((token) => positionsOf(token, codec) ?? []).map(nameOf));
    return told.flatMap(
      (token) =>
        codec.encode(
          new Map(
            (positionsOf(token, codec) ?? [])
              .filter((position) => !known.has(nameOf(position)))
              .map((position) => [position.cluster, position]),
          ),
        ) ?? [],
    );
  }

  #together(tokens: readonly string[]): readonly string[] {
    const {
      settings: { codec },
    } = this.#input;
    const least = leastTokens(tokens);
    return codec === null || least.length < 2 ? least : folded(least, codec);
  }
}

function nameOf({ cluster, timeline, lsn }: Position): string {
  return `${cluster} ${timeline} ${lsn}`;
}

/** Null for a token that does not verify. */
function positionsOf(header: string, codec: TokenCodec): readonly Position[] | null {
  try {
    return [...codec.decode(header).values()];
  } catch (error) {
    if (!isMeridianError(error)) throw error;
    return null;
  }
}
