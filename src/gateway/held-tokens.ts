/**
 * Owns the tokens of one operation at a gateway: the client's, and those of every answer so far, reduced to the fewest.
 */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type ClusterId, type Position } from '../base/lineage.ts';
import { type TokenCodec } from '../consistency/token.ts';
import { leastTokens, splitTokens, tokensAfter } from '../protocol/token-text.ts';
import { type GatewaySettings } from './options.ts';

export class HeldTokens {
  /** The client's tokens, unless they exceed the limits. */
  readonly client: readonly string[];
  readonly #settings: Pick<GatewaySettings, 'codec' | 'maxTokens'>;
  #held: readonly string[];

  constructor(header: string | undefined, settings: Pick<GatewaySettings, 'codec' | 'maxTokens' | 'maxTokenBytes'>) {
    const tokens = header === undefined || header.length > settings.maxTokenBytes ? [] : splitTokens(header);
    this.client = tokens.length > settings.maxTokens ? [] : tokens;
    this.#settings = settings;
    this.#held = leastTokens(this.client);
  }

  /** Tokens from answers that are not the client's own. */
  get seen(): readonly string[] {
    return this.#held.filter((token) => !this.client.includes(token));
  }

  /** For the client: not below anything that the operation has read, nor below what the client sent. */
  get all(): readonly string[] {
    return this.#held;
  }

  /**
   * `sent`: the tokens that the fetch carried. Throws `CONFIG_INVALID` if the limit is exceeded: dropping a token would
   * break the guarantee.
   */
  answered(sent: readonly string[], answered: readonly string[]): void {
    const held = tokensAfter({ held: this.#held, sent, answered });
    const { codec, maxTokens } = this.#settings;
    this.#held = codec === null || held.length < 2 ? held : folded(held, codec);
    if (this.#held.length <= maxTokens) return;
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `One operation has met ${this.#held.length} consistency tokens at the gateway, which may hold ${maxTokens}; raise maxTokens, or give the gateway the subgraphs' tokenSecret, so that it folds them into one.`,
    });
  }
}

/**
 * The fewest tokens that name the same positions: one, unless a cluster is named on several timelines, which only a
 * server may compare (R7). A token that does not verify stays as it is, and the subgraph that it is meant for refuses
 * it.
 */
export function folded(tokens: readonly string[], codec: TokenCodec): readonly string[] {
  const strange: string[] = [];
  const byTimeline = new Map<string, Position>();
  for (const token of tokens) {
    try {
      codec.decode(token, (position) => {
        const key = `${position.cluster} ${position.timeline}`;
        const known = byTimeline.get(key);
        if (known === undefined || known.lsn < position.lsn) byTimeline.set(key, position);
      });
    } catch (error) {
      if (!isMeridianError(error)) throw error;
      strange.push(token);
    }
  }
  const layers: Map<ClusterId, Position>[] = [];
  for (const position of byTimeline.values()) {
    let layer = layers.find((one) => !one.has(position.cluster));
    if (layer === undefined) layers.push((layer = new Map<ClusterId, Position>()));
    layer.set(position.cluster, position);
  }
  return [...strange, ...layers.flatMap((layer) => codec.encode(layer) ?? [])];
}
