/** Owns the region's shared cache in Redis, for readers and for its writer. */
import { randomUUID } from 'node:crypto';
import { maxLsn, toLsn } from '../base/lsn.ts';
import { newEpoch } from '../cache/epoch.ts';
import {
  type Batch,
  type Beginning,
  type CacheKey,
  type FillItem,
  type FillVerdict,
  type LookupOptions,
  type SharedCache,
  type SharedItem,
  type SharedJournal,
  type SharedLookup,
  type SharedState,
} from '../cache/ports.ts';
import { tableOfTag, type TableTag, type Tag } from '../change/tags.ts';
import { type Options } from '../config/options.ts';
import { NO_NONCE, entryText, parseEntry } from './entries.ts';
import { RedisLink, type RedisSettings } from './link.ts';
import { adoptScript, applyScript, beginScript, fillScript, keyNames, lookupScript, type KeyNames } from './scripts.ts';
import {
  appliedMessage,
  beganMessage,
  holderText,
  parseState,
  roundedDown,
  roundedUp,
  stateParts,
  stateText,
} from './state.ts';

export interface SharedCacheSettings extends RedisSettings {
  readonly options: RedisSettings['options'] & Pick<Options, 'redisPrefix' | 'tombstones' | 'cacheStaleMs'>;
}

/**
 * Maximum number of values that may depend on one further tag (markers in one hash). No lease is taken in a hash with
 * this many fields.
 */
const MAX_MARKERS = 10_000;
/**
 * Maximum number of tags in one step of a batch. A step takes a few milliseconds, during which Redis serves no other
 * command.
 */
const STEP_TAGS = 1_000;
/** Messages with more tags name their tables instead. */
const MESSAGE_TAGS = 5_000;
/** Number of tombstones that are trimmed with a batch, in addition to twice the number that it adds. */
const TRIM = 1_000;
/** Maximum bytes of values in one command: larger commands would delay other clients. */
const FILL_BYTES = 1 << 20;

const MISS: SharedItem = { kind: 'miss', leased: false };
const LEASED: SharedItem = { kind: 'miss', leased: true };

export class RedisSharedCache implements SharedCache, SharedJournal {
  readonly #link: RedisLink;
  readonly #settings: SharedCacheSettings;
  readonly #keys: KeyNames;

  constructor(settings: SharedCacheSettings) {
    this.#settings = settings;
    this.#keys = keyNames(settings.options.redisPrefix);
    this.#link = new RedisLink(settings, this.#keys.state);
  }

  /** Whether commands are being sent to Redis. */
  get available(): boolean {
    return this.#link.available;
  }

  /**
   * Waits for the first connection, at most `redisConnectMs`. Resolves to false if there is none yet, in which case it
   * keeps trying. Never throws.
   */
  opened(): Promise<boolean> {
    return this.#link.opened();
  }

  close(): void {
    this.#link.close();
  }

  async lookup(keys: readonly CacheKey[], { leaseMs }: LookupOptions): Promise<SharedLookup | null> {
    const args = [this.#keys.entries, String(leaseMs), String(MAX_MARKERS)];
    for (const { tags, variant } of keys) {
      const own = distinct(tags);
      args.push(variant, String(own.length), ...own);
    }
    const answer = (await this.#link.run(lookupScript, args)) as readonly string[] | null;
    const state = answer === null ? null : parseState(answer[0] ?? '');
    return state === null ? null : { state, items: keys.map((_, place) => itemOf(answer?.[place + 1] ?? '')) };
  }

  async fill(epoch: string, items: readonly FillItem[]): Promise<readonly FillVerdict[]> {
    const head = [this.#keys.entries, epoch, String(this.#settings.options.cacheStaleMs), String(MAX_MARKERS)];
    const parts = await Promise.all(
      byBytes(items).map(async (part): Promise<readonly FillVerdict[]> => {
        const answer = await this.#link.run(fillScript, [...head, ...part.flatMap(fillArguments)]);
        return (answer as readonly FillVerdict[] | null) ?? part.map(() => 'ended');
      }),
    );
    return parts.flat();
  }

  async state(): Promise<SharedState | null> {
    return (await this.lookup([], { leaseMs: 0 }))?.state ?? null;
  }

  async adopt(holder: string, state: SharedState): Promise<boolean> {
    return (await this.#link.run(adoptScript, [...stateParts(state), holderText(holder)])) === 1;
  }

  async begin(holder: string, at: Beginning): Promise<SharedState> {
    const state: SharedState = {
      epoch: newEpoch(at.run ?? null),
      cluster: at.cluster,
      timeline: at.timeline,
      sequence: 0,
      watermark: at.lsn,
    };
    // Values that were read before this position are refused, since later changes are unknown.
    await this.#link.run(beginScript, [
      stateText(state, holder),
      String(roundedUp(at.lsn)),
      this.#keys.channel,
      beganMessage(state),
    ]);
    return state;
  }

  async apply(holder: string, after: SharedState, batch: Batch): Promise<SharedState | null> {
    if (batch.watermark < after.watermark) return null;
    const next: SharedState = { ...after, sequence: after.sequence + 1, watermark: batch.watermark };
    const { options } = this.#settings;
    // A score of zero means that there is no tombstone.
    const at = String(roundedUp(maxLsn(batch.watermark, toLsn(1n))));
    for (let from = 0, last = false; !last; from += STEP_TAGS) {
      last = from + STEP_TAGS >= batch.tags.length;
      const tables = from === 0 ? batch.tables : [];
      const tags = batch.tags.slice(from, from + STEP_TAGS);
      const head = [
        this.#keys.entries,
        stateText(after, holder),
        at,
        String(options.tombstones),
        String(TRIM + 2 * batch.tags.length),
      ];
      const final = last
        ? [
            stateText(next, holder),
            String(roundedUp(batch.horizon)),
            this.#keys.channel,
            appliedMessage({ ...next, previous: after.watermark, ...told(batch) }),
          ]
        : ['', '', '', ''];
      if ((await this.#link.run(applyScript, [...head, ...final, String(tables.length), ...tables, ...tags])) !== 1)
        return null;
    }
    return next;
  }
}

/** The message for followers: it names whole tables if the list of tags would be too long. */
function told({ tags, tables }: Batch): { readonly tags: readonly Tag[]; readonly tables: readonly TableTag[] } {
  if (tags.length <= MESSAGE_TAGS) return { tags, tables };
  const whole = new Set(tables);
  for (const tag of tags) {
    const table = tableOfTag(tag);
    if (table !== null) whole.add(table);
  }
  return { tables: [...whole], tags: tags.filter((tag) => tableOfTag(tag) === null) };
}

function itemOf(text: string): SharedItem {
  if (text === '*') return LEASED;
  const entry = text === '' ? null : parseEntry(text);
  return entry === null ? MISS : { kind: 'hit', entry };
}

function fillArguments({ key, entry, maxVariants }: FillItem): string[] {
  const tags = distinct(key.tags);
  const nonce = tags.length === 1 ? NO_NONCE : randomUUID();
  return [
    key.variant,
    String(roundedDown(entry.asOf)),
    String(Math.floor(entry.expiresAtMs)),
    String(maxVariants),
    nonce,
    entryText(entry, nonce),
    String(tags.length),
    ...tags,
  ];
}

function distinct(tags: readonly Tag[]): readonly Tag[] {
  return tags.length === 1 ? tags : [...new Set(tags)];
}

function byBytes(items: readonly FillItem[]): FillItem[][] {
  const parts: FillItem[][] = [];
  let bytes = FILL_BYTES;
  for (const item of items) {
    if (bytes >= FILL_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(item);
    bytes += item.entry.body.length;
  }
  return parts;
}
