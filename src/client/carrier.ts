/**
 * Owns the tokens of one operation: what each request carries, and whether its answer is final or the operation is sent
 * again.
 */
import { TOKEN_HEADER } from '../protocol/headers.ts';
import { readAnswer, type Answer, type Refusal } from './answer.ts';

export interface ClientOperation {
  /** `unknown` if the document cannot be seen: it may write, and is treated so. */
  readonly kind: 'query' | 'mutation' | 'subscription' | 'unknown';
  readonly name: string | null;
}

/** The operation must be sent again, with new headers, and this answer must not be shown. */
export interface Repeat {
  readonly afterMs: number;
}

export interface Carrier {
  /**
   * Headers of the next request. The token header is present even if it is empty: it asks for the token in the answer's
   * body, which browsers can always read.
   */
  headers(): Record<string, string>;
  /**
   * Takes an answer, or the next part of one, before it is shown; null: show it. An operation that ends without an
   * answer changes no tokens, even if it was a mutation that took place.
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
  /** Whether a mutation was answered since the request was sent, and this answer does not include it. */
  overtaken(sending: Sending, answered: readonly string[]): boolean;
  /** Whether these tokens have been reported as future ones for long enough to believe it. */
  future(sent: readonly string[]): boolean;
  lost(sending: Sending, refusal: Refusal): void;
}

/**
 * Each reason to send a query again applies once, so that a query is sent at most four times. Only queries are sent
 * again: a mutation may have taken place.
 */
export function carry({ kind }: ClientOperation, keeping: Keeping): Carrier {
  // Over another transport the operation may be answered without these headers.
  let sending = keeping.begin([]);
  let parts = 0;
  let told = false;
  const spent = new Set<'refused' | 'future' | 'overtaken'>();

  const repeat = (reason: 'refused' | 'future' | 'overtaken', afterMs: number): Repeat | null => {
    // An answer that was shown in part cannot be replaced.
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
      // The token of a refused request's answer is ignored: it includes the tokens that were sent (R6), and would be
      // refused too.
      if (refusal.code === 'CONSISTENCY_TOKEN_FUTURE' && !spent.has('future') && !keeping.future(sending.sent))
        return keeping.repeatRefused ? repeat('future', keeping.futureMs) : null;
      if (!told) keeping.lost(sending, refusal);
      told = true;
      return keeping.repeatRefused && sending.sent.length > 0 ? repeat('refused', 0) : null;
    },
  };
}
