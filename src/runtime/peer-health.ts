/** Owns what is known of the regions' shared caches and servers: asked at an interval, answered at once. */

export interface Pinged {
  /** Whether it answers; never rejects, bounded in time. */
  ping(): Promise<boolean>;
}

export class PeerHealth {
  readonly #peers: ReadonlyMap<string, Pinged>;
  readonly #everyMs: number;
  readonly #healthy = new Map<string, boolean>();
  #timer: NodeJS.Timeout | null = null;

  /** `peers`: by region name. */
  constructor(peers: ReadonlyMap<string, Pinged>, everyMs: number) {
    this.#peers = peers;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#peers.size === 0) return;
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), this.#everyMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Null where the region has none, and until the first answer. */
  of(region: string): boolean | null {
    return this.#healthy.get(region) ?? null;
  }

  /** A ping that is still under way is shared, so that asking never piles up. */
  #ask(): void {
    for (const [region, peer] of this.#peers) void peer.ping().then((healthy) => this.#healthy.set(region, healthy));
  }
}
