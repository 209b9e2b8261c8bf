/** Owns the tokens that a client holds: the fewest that cover all that it has seen. */
import { leastTokens, splitTokens, tokensAfter } from '../protocol/token-text.ts';
import { type Refusal } from './answer.ts';
import { carry, type Carrier, type ClientOperation } from './carrier.ts';
import { holdTokens, isToken, type StorageSource } from './held.ts';

export interface Loss extends Refusal {
  /** Whose answer told it. */
  readonly operation: ClientOperation;
}

export interface TokenStoreProblem {
  /**
   * `STORAGE_FAILED` is told once: from then on tokens are kept in memory. `TOKENS_DROPPED`: there were more than the
   * limits allow.
   */
  readonly problem: 'STORAGE_FAILED' | 'TOKENS_DROPPED';
  readonly message: string;
  readonly cause?: unknown;
}

export interface TokenStoreOptions {
  /** Tells the tokens of several graphs apart in one storage; default `default`. */
  readonly graph?: string;
  /**
   * Where tokens outlive a reload (`sessionStorage`) or are shared with other tabs (`localStorage`); default in memory.
   * Best a function: `() => localStorage`.
   */
  readonly storage?: StorageSource;
  /** Tokens to begin with: what `dehydrate()` gave on the server. */
  readonly initial?: string | null;
  /** Most tokens that are kept; default 64. */
  readonly maxTokens?: number;
  /** Longest header that is sent; default 4,096 bytes, which is what servers take (`maxTokenBytes`). */
  readonly maxHeaderBytes?: number;
  /** Whether a query whose tokens were refused is sent once more; default true. Mutations never are. */
  readonly repeatRefused?: boolean;
  /**
   * Whether a query that was under way while a mutation was answered is sent once more where its answer does not show
   * the write; default true.
   */
  readonly repeatOvertaken?: boolean;
  /**
   * How long tokens may be called CONSISTENCY_TOKEN_FUTURE until that is believed, and how long a query waits for its
   * next try; default 1,000 ms.
   */
  readonly futureMs?: number;
  /** Told when tokens had to be forgotten: what was seen or written under them may not be there any more. */
  readonly onLost?: (loss: Loss) => void;
  readonly onProblem?: (problem: TokenStoreProblem) => void;
}

export interface TokenStore {
  /** What goes with the next request; the storage is read each time. */
  tokens(): readonly string[];
  /** Takes what an answer brought; `sent` are the tokens that went with its request. */
  learn(exchange: { readonly sent?: readonly string[]; readonly answered: readonly string[] }): void;
  /** Gives up what was promised under these tokens. */
  forget(tokens: readonly string[]): void;
  /** For sign-out: nothing is held any more, and what is under way teaches nothing. */
  clear(): void;
  /** All tokens as one text, for `initial` in the page that a server has rendered. */
  dehydrate(): string;
  /**
   * Carries tokens through one operation, however often it is sent: what links, exchanges and fetch wrappers are made
   * of.
   */
  carry(operation: ClientOperation): Carrier;
}

const MAX_TOKENS = 64;
const MAX_HEADER_BYTES = 4_096;
const FUTURE_MS = 1_000;
/**
 * How many times more than `maxTokens` may lie in the storage until the fewest of them are found: each of many tabs may
 * just have added its own.
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
  /** Since when a token is said to be of the future. */
  const futureSinceMs = new Map<string, number>();
  /** What this page has written. */
  let written: readonly string[] = [];
  let writes = 0;
  let clearings = 0;

  const stored = (): readonly string[] => held.list().map(({ token }) => token);
  /** Lets go of the oldest where there are too many: a header that no server takes would lose them all. */
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
  /** Finding the fewest takes the square of their number: a storage that somebody has filled is cut first. */
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
    // In this order: at no moment may another tab find less than both have seen.
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
          // A subscription's headers may never have left: whoever was not told of a token has not judged it.
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

/** Whether what was answered is no older than what was written. */
function covers(answered: readonly string[], written: readonly string[]): boolean {
  return tokensAfter({ held: written, sent: written, answered }).every((token) => answered.includes(token));
}

/** What an application's callback throws is told to the page and not to whoever waits for the answer. */
function quietly(work: () => void): void {
  try {
    work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
