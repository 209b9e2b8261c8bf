/**
 * Owns a reference history for a shared cache: what changed at which position, and whether what the cache shows agrees
 * with it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Lsn } from '../../src/base/lsn.ts';
import {
  SharedCacheDown,
  type CacheKey,
  type FillItem,
  type SharedCache,
  type SharedJournal,
  type SharedState,
} from '../../src/cache/ports.ts';
import { type TableTag, type Tag } from '../../src/change/tags.ts';
import { seeded, type Random } from './random.ts';
import { at, item, lsn, tag } from './shared-cache.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Rounds of each reader. */
  readonly rounds: number;
  readonly readers: readonly SharedCache[];
  /** Each believes that it is the only one who writes. */
  readonly holders: readonly SharedJournal[];
  readonly ids?: number;
  /** Length of each value besides what it was read from. */
  readonly padding?: number;
  /** Called now and then between two changes. */
  readonly disturb?: (random: Random) => Promise<void>;
}

export interface HistoryReport {
  readonly hits: number;
  readonly misses: number;
  readonly stored: number;
  readonly refused: number;
  readonly lives: number;
  readonly applied: number;
  /** Answers like "no life" and failures. */
  readonly without: number;
}

const TABLES = ['public.tasks', 'public.people', 'public.rooms'] as TableTag[];

/** Runs it to its end. Throws at the first value that is older than the cache's claim for it. */
export async function runHistory(options: HistoryOptions): Promise<HistoryReport> {
  const history = new History(options);
  let reading = true;
  const writers = options.holders.map(async (journal, place) => {
    for (const random = seeded(options.seed + 7 * place); reading;)
      await history.write(`holder ${place}`, journal, random);
  });
  try {
    await Promise.all(
      options.readers.map(async (cache, place) => {
        const random = seeded(options.seed + 1_000 + place);
        for (let round = 0; round < options.rounds; round += 1) await history.read(cache, random);
      }),
    );
  } finally {
    reading = false;
    await Promise.all(writers);
  }
  return history.report;
}

class History {
  readonly report = { hits: 0, misses: 0, stored: 0, refused: 0, lives: 0, applied: 0, without: 0 };
  readonly #options: HistoryOptions;
  /** Positions at which it changed, in order. */
  readonly #changes = new Map<Tag | TableTag, number[]>();
  readonly #keys: readonly CacheKey[];
  #position = 1_000;
  readonly #believed = new Map<string, SharedState>();

  constructor(options: HistoryOptions) {
    this.#options = options;
    const ids = Array.from({ length: options.ids ?? 12 }, (_, id) => id);
    const one = ids.flatMap((id) => TABLES.map((table) => tag(id, table)));
    const pairs = ids.map((id) => [
      tag(id, TABLES[0]),
      tag((id * 5 + 1) % ids.length, TABLES[1]),
      tag((id * 7 + 2) % ids.length, TABLES[2]),
    ]);
    this.#keys = [
      ...one.flatMap((own) => ['a', 'b'].map((variant) => ({ tags: [own], variant }))),
      ...pairs.map((tags) => ({ tags, variant: 'join' })),
    ];
  }

  /** One change, and now and then what a holder does about those that are not applied yet. */
  async write(holder: string, journal: SharedJournal, random: Random): Promise<void> {
    for (let changes = random.below(3); changes > 0; changes -= 1) this.#change(random);
    if (random.below(20) === 0) await this.#options.disturb?.(random);
    try {
      const believed = this.#believed.get(holder) ?? null;
      const next =
        believed === null
          ? await this.#takeOver(holder, journal, random)
          : await journal.apply(holder, believed, this.#batchAfter(believed.watermark, random));
      if (believed !== null && next !== null) this.report.applied += 1;
      if (next === null) this.#believed.delete(holder);
      else this.#believed.set(holder, next);
    } catch (error) {
      // Nobody knows whether it was done.
      this.#believed.delete(holder);
      this.#tolerate(error);
    }
    await pause(random.below(4));
  }

  /** One look, and filling in of what was missing, read at one of the positions that servers might show. */
  async read(cache: SharedCache, random: Random): Promise<void> {
    const keys = random.shuffled([...this.#keys]).slice(0, 1 + random.below(8));
    try {
      const looked = await cache.lookup(keys, { leaseMs: random.below(2) * 5 });
      if (looked === null) return this.#without();
      const missing = keys.filter((key, place) => {
        const found = looked.items[place];
        if (found?.kind !== 'hit') return true;
        this.#judge(key, found.entry, looked.state);
        return random.below(10) === 0;
      });
      this.report.hits += keys.length - missing.length;
      this.report.misses += missing.length;
      // A replica that is behind, or W itself with a server that is ahead of it.
      const snapshot = this.#position - random.below(30);
      const asOf = random.below(2) === 0 ? snapshot : Math.min(snapshot, Number(looked.state.watermark));
      const items = missing.map((key): FillItem =>
        item(key, asOf, { body: this.#valueAt(key, snapshot), maxVariants: 4, ttlMs: 20_000 }),
      );
      await pause(random.below(3) === 0 ? random.below(20) : 0);
      for (const verdict of await cache.fill(looked.state.epoch, items))
        this.report[verdict === 'stored' ? 'stored' : 'refused'] += 1;
    } catch (error) {
      this.#tolerate(error);
    }
  }

  async #takeOver(holder: string, journal: SharedJournal, random: Random): Promise<SharedState | null> {
    const found = await journal.state();
    if (found !== null && random.below(3) > 0) return (await journal.adopt(holder, found)) ? found : null;
    this.report.lives += 1;
    return journal.begin(holder, at(this.#position));
  }

  #change(random: Random): void {
    this.#position += 1 + random.below(5);
    const id = random.below(this.#options.ids ?? 12);
    const changed =
      random.below(25) === 0
        ? [random.pick(TABLES)]
        : TABLES.slice(random.below(2), 2 + random.below(2)).map((table) => tag(id, table));
    for (const one of changed) this.#changes.set(one, [...(this.#changes.get(one) ?? []), this.#position]);
  }

  /** Everything that changed above W up to now, or up to somewhere before now. */
  #batchAfter(watermark: Lsn, random: Random): Parameters<SharedJournal['apply']>[2] {
    const upTo = Math.max(Number(watermark), this.#position - random.below(10));
    const changed = [...this.#changes]
      .filter(([, positions]) => positions.some((position) => position > Number(watermark) && position <= upTo))
      .map(([name]) => name);
    const tables = changed.filter((name): name is TableTag => (TABLES as string[]).includes(name));
    return {
      watermark: lsn(upTo),
      tables,
      tags: changed.filter((name): name is Tag => !(TABLES as string[]).includes(name)),
      horizon: lsn(upTo - random.below(60)),
    };
  }

  /** The position of the last change to each of the key's tags, as a server at `position` shows it. */
  #versionsAt({ tags }: CacheKey, position: number): number[] {
    return tags.map((one) =>
      Math.max(
        0,
        ...[one, one.slice(0, one.indexOf('|')) as TableTag].flatMap((name) =>
          (this.#changes.get(name) ?? []).filter((changed) => changed <= position),
        ),
      ),
    );
  }

  #valueAt(key: CacheKey, position: number): string {
    return `${this.#versionsAt(key, position).join(',')} ${'x'.repeat(this.#options.padding ?? 0)}`;
  }

  /** Right as of max(asOf, W): it shows every change up to there. */
  #judge(
    key: CacheKey,
    { asOf, body }: { readonly asOf: Lsn; readonly body: string },
    { watermark }: SharedState,
  ): void {
    const claimed = Math.max(Number(asOf), Number(watermark));
    const shown = body.slice(0, body.indexOf(' ')).split(',').map(Number);
    const due = this.#versionsAt(key, claimed);
    if (due.some((version, place) => (shown[place] ?? -1) < version)) {
      throw new Error(
        `${key.tags.join(' ')} ${key.variant} shows ${shown.join(',')} where ${due.join(',')} is due at ${claimed} (asOf ${asOf}, W ${watermark}, seed ${this.#options.seed})`,
      );
    }
  }

  #without(): Promise<void> {
    this.report.without += 1;
    return pause(5);
  }

  #tolerate(error: unknown): void {
    if (!(error instanceof SharedCacheDown)) throw error;
    this.report.without += 1;
  }
}
