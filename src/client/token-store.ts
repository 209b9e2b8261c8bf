/** Owns the tokens that a client holds: the fewest that cover everything it has seen. */
import { leastTokens, splitTokens, tokensAfter } from '../protocol/token-text.ts';
import { type Refusal } from './answer.ts';
import { carry, type Carrier, type ClientOperation } from './carrier.ts';
import { holdTokens, isToken, type StorageSource } from './held.ts';

export interface Loss extends Refusal {
  /** The operation whose answer reported it. */
  readonly operation: ClientOperation;
}

export interface TokenStoreProblem {
  /**
   * `STORAGE_FAILED` is reported once: from then on tokens are kept in memory. `TOKENS_DROPPED`: there were more than
   * the limits allow.
   */
  readonly problem: 'STORAGE_FAILED' | 'TOKENS_DROPPED';
  readonly message: string;
  readonly cause?: unknown;
}

export interface TokenStoreOptions {
  /** Separates the tokens of several graphs in one storage; default `default`. */
  readonly graph?: string;
  /**
   * Where tokens survive a reload (`sessionStorage`) or are shared with other tabs (`localStorage`); default in memory.
   * Preferably a function: `() => localStorage`.
   */
  readonly storage?: StorageSource;
  /** Initial tokens: the text that `dehydrate()` returned on the server. */
  readonly initial?: string | null;
  /** Most tokens that are kept; default 64. */
  readonly maxTokens?: number;
  /** Longest header that is sent; default 4,096 bytes, which is what servers take (`maxTokenBytes`). */
  readonly maxHeaderBytes?: number;
  /** Whether a query whose tokens were refused is sent once more; default true. Mutations are never sent again. */
  readonly repeatRefused?: boolean;
  /**
   * Whether a query that was in flight while a mutation was answered is sent once more if its answer does not show the
   * write; default true.
   */
  readonly repeatOvertaken?: boolean;
  /**
   * How long tokens may be reported as CONSISTENCY_TOKEN_FUTURE until that is believed, and how long a query waits
   * before its next attempt; default 1,000 ms.
   */
  readonly futureMs?: number;
  /** Called when tokens had to be forgotten: data that was seen or written under them may be gone. */
  readonly onLost?: (loss: Loss) => void;
  readonly onProblem?: (problem: TokenStoreProblem) => void;
}

export interface TokenStore {
  /** The tokens for the next request; the storage is read each time. */
  tokens(): readonly string[];
  /** Takes the tokens of an answer; `sent` are the tokens that its request carried. */
  learn(exchange: { readonly sent?: readonly string[]; readonly answered: readonly string[] }): void;
  /** Removes these tokens and gives up what they guaranteed. */
  forget(tokens: readonly string[]): void;
  /** For sign-out: all tokens are removed, and answers to earlier requests are ignored. */
  clear(): void;
  /** All tokens as one text, for `initial` in the page that a server has rendered. */
  dehydrate(): string;
  /** Carries tokens through one operation, however often it is sent; links, exchanges and fetch wrappers use it. */
  carry(operation: ClientOperation): Carrier;
}

const MAX_TOKENS = 64;
const MAX_HEADER_BYTES = 4_096;
const FUTURE_MS = 1_000;
/**
 * How many times `maxTokens` the storage may hold until the fewest tokens are computed: each of many tabs may just have
 * added its own.
 */
const STORED_FACTOR = 4;

export function createTokenStore(options: TokenStoreOptions = {}): TokenStore {
  const {
    graph = 'default',
    storage = null,
    maxTokens = MAX_TOKENS,
    maxHeaderBytes = MAX_HEADER_BYTES,
    repeatRefused = true,
    repeatOvertaken = true,
    futureMs = FUTURE_MS,
  } = options;
  const tell = (problem: TokenStoreProblem): void => quietly(() => options.onProblem?.(problem));
  const held = holdTokens({
    graph,
    storage,
    maxBytes: maxHeaderBytes,
    onFailed: (cause) =>
      tell({
        problem: 'STORAGE_FAILED',
        message:
          'The storage for consistency tokens does not work here: other tabs and a reload of the page do not see what this page has seen.',
        cause,
      }),
  });
  /** Since when each token has been reported as a future one. */
  const futureSinceMs = new Map<string, number>();
  /** Tokens of this page's own writes. */
  let written: readonly string[] = [];
  let writes = 0;
  let clearings = 0;

  const stored = (): readonly string[] => held.list().map(({ token }) => token);
  /** Removes the oldest tokens if there are too many: a header that no server accepts would lose them all. */
  const bound = (tokens: readonly string[]): readonly string[] => {
    let bytes = -1;
    const fitting = tokens.filter((token, i) => i < maxTokens && (bytes += token.length + 1) <= maxHeaderBytes);
    const dropped = tokens.filter((token) => !fitting.includes(token));
    for (const token of dropped) held.remove(token);
    if (dropped.length > 0)
      tell({
        problem: 'TOKENS_DROPPED',
        message: `${dropped.length} consistency tokens did not fit into ${maxTokens} tokens and ${maxHeaderBytes} bytes; what was seen under them may be shown older.`,
      });
    return fitting;
  };
  /** Computing the fewest tokens takes quadratic time, so a storage with very many tokens is cut first. */
  const fewest = (tokens: readonly string[]): readonly string[] =>
    bound(tokens.length > maxTokens * STORED_FACTOR ? tokens : leastTokens(tokens));
  const acceptable = (tokens: readonly string[]): string[] => tokens.filter((token) => isToken(token, maxHeaderBytes));

  const learn = (sent: readonly string[], answered: readonly string[]): void => {
    const before = stored();
    const after = tokensAfter({
      held: before.slice(0, maxTokens * STORED_FACTOR),
      sent,
      answered: acceptable(answered),
    });
    // In this order, so that another tab never finds less than both have seen.
    for (const token of after) if (!before.includes(token)) held.add(token);
    for (const token of before) if (!after.includes(token)) held.remove(token);
    for (const token of sent) futureSinceMs.delete(token);
  };
  const forget = (tokens: readonly string[]): void => {
    for (const token of tokens) {
      held.remove(token);
      futureSinceMs.delete(token);
    }
    written = written.filter((token) => !tokens.includes(token));
  };

  const store: TokenStore = {
    tokens: () => fewest(stored()),
    learn: ({ sent = [], answered }) => learn(sent, answered),
    forget,
    clear() {
      clearings += 1;
      written = [];
      futureSinceMs.clear();
      for (const token of stored()) held.remove(token);
    },
    dehydrate: () => store.tokens().join(','),
    carry: (operation) =>
      carry(operation, {
        repeatRefused,
        repeatOvertaken,
        futureMs,
        tokens: () => store.tokens(),
        begin: (sent) => ({ sent, writes, clearings }),
        learn(sending, answered) {
          if (sending.clearings !== clearings) return;
          // A subscription's headers may never have been sent: the server has not judged a token that it did not
          // receive.
          learn(operation.kind === 'subscription' ? [] : sending.sent, answered);
          if (operation.kind === 'query' || operation.kind === 'subscription') return;
          writes += 1;
          written = tokensAfter({ held: written, sent: written, answered: acceptable(answered) }).slice(-maxTokens);
        },
        overtaken: (sending, answered) =>
          sending.clearings === clearings && sending.writes !== writes && !covers(answered, written),
        future(sent) {
          const nowMs = Date.now();
          for (const token of sent) if (!futureSinceMs.has(token)) futureSinceMs.set(token, nowMs);
          return sent.some((token) => nowMs - (futureSinceMs.get(token) ?? nowMs) >= futureMs);
        },
        lost(sending, refusal) {
          if (sending.clearings === clearings) forget(sending.sent);
          quietly(() => options.onLost?.({ ...refusal, operation }));
        },
      }),
  };
  const initial = splitTokens(options.initial);
  if (initial.length > 0) store.learn({ answered: initial });
  return store;
}

/** Whether the answer's tokens include everything that was written. */
function covers(answered: readonly string[], written: readonly string[]): boolean {
  return tokensAfter({ held: written, sent: written, answered }).every((token) => answered.includes(token));
}

/** An error of an application's callback is reported to the page and not to the caller that waits for the answer. */
function quietly(work: () => void): void {
  try {
    work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
