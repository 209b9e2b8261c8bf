/** Owns what is known of the regions' shared caches and servers: asked at an interval, answered at once. */

/** Asks one region; a rejection counts as null. Must be bounded in time. */
export type Ask<T> = () => Promise<T>;

export class PeerAnswers<T> {
  readonly #peers: ReadonlyMap<string, Ask<T>>;
  readonly #everyMs: number;
  readonly #answers = new Map<string, T | null>();
  /** Regions that have not answered yet, so that asking never piles up. */
  readonly #asked = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  /** `peers`: by region name. */
  constructor(peers: ReadonlyMap<string, Ask<T>>, everyMs: number) {
    this.#peers = peers;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#peers.size === 0) return;
    this.#askAll();
    this.#timer = setInterval(() => this.#askAll(), this.#everyMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Null where the region has none, until the first answer, and where it could not be asked. */
  of(region: string): T | null {
    return this.#answers.get(region) ?? null;
  }

  #askAll(): void {
    for (const [region, ask] of this.#peers) if (!this.#asked.has(region)) void this.#ask(region, ask);
  }

  async #ask(region: string, ask: Ask<T>): Promise<void> {
    this.#asked.add(region);
    try {
      this.#answers.set(region, await ask());
    } catch {
      this.#answers.set(region, null);
    } finally {
      this.#asked.delete(region);
    }
  }
}
