/**
 * Owns one operation's way through the network with its tokens: what goes with each sending, and whether its answer
 * ends it or it is sent once more.
 */
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { readAnswer, type Answer, type Refusal } from './answer.ts';

export interface ClientOperation {
  /** `unknown` where the document cannot be seen: it may write, and is treated so. */
  readonly kind: 'query' | 'mutation' | 'subscription' | 'unknown';
  readonly name: string | null;
}

/** The operation is to be sent again, with headers of its own, and this answer is not to be shown. */
export interface Repeat {
  readonly afterMs: number;
}

export interface Carrier {
  /**
   * Headers of the next sending. The token header is there even when it is empty: it asks for the token in the answer's
   * body, which browsers always see.
   */
  headers(): Record<string, string>;
  /**
   * Takes an answer, or the next part of one, before it is shown to anybody: null to go on. An operation that ends
   * without an answer teaches nothing, even if it was a mutation that took place.
   */
  take(answer: Answer): Repeat | null;
}

/** What was known when an operation was sent. */
export interface Sending {
  readonly sent: readonly string[];
  readonly writes: number;
  readonly clearings: number;
}

/** What carrying needs of the token store. */
export interface Keeping {
  readonly repeatRefused: boolean;
  readonly repeatOvertaken: boolean;
  readonly futureMs: number;
  tokens(): readonly string[];
  begin(sent: readonly string[]): Sending;
  learn(sending: Sending, answered: readonly string[]): void;
  /** Whether a mutation was answered since the sending, and this answer does not cover it. */
  overtaken(sending: Sending, answered: readonly string[]): boolean;
  /** Whether these tokens have been called ones of the future for long enough to believe it. */
  future(sent: readonly string[]): boolean;
  lost(sending: Sending, refusal: Refusal): void;
}

/**
 * Each reason to send a query again holds once, so that an operation is sent four times at most. Only a query is: a
 * mutation may have taken place.
 */
export function carry({ kind }: ClientOperation, keeping: Keeping): Carrier {
  // Over another transport it may be answered without ever being given headers.
  let sending = keeping.begin([]);
  let parts = 0;
  let told = false;
  const spent = new Set<'refused' | 'future' | 'overtaken'>();

  const repeat = (reason: 'refused' | 'future' | 'overtaken', afterMs: number): Repeat | null => {
    // What has been shown in part cannot be taken back.
    if (kind !== 'query' || parts > 1 || spent.has(reason)) return null;
    spent.add(reason);
    return { afterMs };
  };

  return {
    headers() {
      sending = keeping.begin(keeping.tokens());
      parts = 0;
      told = false;
      return { [TOKEN_HEADER]: sending.sent.join(',') };
    },
    take(answer) {
      parts += 1;
      const { tokens, refusal } = readAnswer(answer);
      if (refusal === null) {
        keeping.learn(sending, tokens);
        // Without a token it cannot be known.
        return keeping.repeatOvertaken && tokens.length > 0 && keeping.overtaken(sending, tokens)
          ? repeat('overtaken', 0)
          : null;
      }
      // Of a refused request's answer no token is taken: it covers what was sent (R6), and would be refused like it.
      if (refusal.code === 'CONSISTENCY_TOKEN_FUTURE' && !spent.has('future') && !keeping.future(sending.sent))
        return keeping.repeatRefused ? repeat('future', keeping.futureMs) : null;
      if (!told) keeping.lost(sending, refusal);
      told = true;
      return keeping.repeatRefused && sending.sent.length > 0 ? repeat('refused', 0) : null;
    },
  };
}
