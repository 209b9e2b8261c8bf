/** Owns what a gateway's plugin can be told, with its defaults and limits. */
import { MeridianError } from '../base/errors.ts';
import { TokenCodec } from '../consistency/token.ts';

export interface GatewayOptions {
  /**
   * The subgraphs' `tokenSecret`, several joined by commas or as a list while one is replaced: tokens of several subgraphs are then folded into
   * one, signed with the first. Without it a client holds a short list of tokens, which is as good.
   */
  readonly tokenSecret?: string | readonly string[] | undefined;
  /** Longest `consistency-token` header of a client's that is looked into, in bytes, and longest token that several are folded into; a longer header goes to the subgraphs as it is, which refuse it. Default 4,096, as theirs. */
  readonly maxTokenBytes?: number;
  /** Tokens that are held for one operation at most. A client's header with more goes to the subgraphs as it is. Default 32. */
  readonly maxTokens?: number;
  /** Longest idempotency key that keys of single mutations are derived from, in bytes; a longer one goes to the subgraphs as it is, which refuse it. Default 255, as theirs. */
  readonly idempotencyKeyBytes?: number;
  /** Further headers of the client's that every subgraph gets, besides `authorization`, `traceparent`, `tracestate` and `baggage`. */
  readonly forwardHeaders?: readonly string[];
}

export interface GatewaySettings {
  /** Null: tokens are held as they came. */
  readonly codec: TokenCodec | null;
  readonly maxTokenBytes: number;
  readonly maxTokens: number;
  readonly idempotencyKeyBytes: number;
  /** In lower case. */
  readonly passed: readonly string[];
}

const PASSED = ['authorization', 'traceparent', 'tracestate', 'baggage'];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Throws `CONFIG_INVALID`. */
export function settingsOf(options: GatewayOptions): GatewaySettings {
  const { maxTokenBytes = 4_096, maxTokens = 32, idempotencyKeyBytes = 255, forwardHeaders = [], tokenSecret } = options;
  for (const [name, value, least] of [['maxTokenBytes', maxTokenBytes, 64], ['maxTokens', maxTokens, 1], ['idempotencyKeyBytes', idempotencyKeyBytes, 1]] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw new MeridianError({ code: 'CONFIG_INVALID', message: `The gateway's ${name} is ${String(value)}; give a whole number from ${least} up.` });
  }
  const passed = [...new Set([...PASSED, ...forwardHeaders.map((name) => name.toLowerCase())])];
  const wrong = passed.find((name) => !HEADER_NAME.test(name));
  if (wrong !== undefined) throw new MeridianError({ code: 'CONFIG_INVALID', message: `The gateway's forwardHeaders name ${JSON.stringify(wrong)}, which cannot be the name of a header; leave it out.` });
  const secrets = (typeof tokenSecret === 'string' ? tokenSecret.split(',') : [...(tokenSecret ?? [])]).map((secret) => secret.trim()).filter((secret) => secret !== '');
  // Given and empty is a mistake, such as a variable that is not set, and the codec says so.
  const codec = tokenSecret === undefined ? null : new TokenCodec({ secrets, maxTokenBytes });
  return { codec, maxTokenBytes, maxTokens, idempotencyKeyBytes, passed };
}
