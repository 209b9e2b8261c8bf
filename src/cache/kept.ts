/**
 * Owns the values of the in-process cache and their index: each is decoded once, and found by its first tag and its
 * place under it.
 */
import { type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Tag } from '../change/tags.ts';
import { isInvalidated } from './guard.ts';
import { type CacheKey, type Entry } from './ports.ts';
import { type Codec } from './reading.ts';

/** Text that is decoded at its first use; the decoded value is shared afterwards. */
export class Body {
  #text: string | null;
  #value: unknown;

  constructor(text: string) {
    this.#text = text;
  }

  /** All readers of one value use equal codecs, because the shape is part of the key. Throws what the codec throws. */
  by<V>(codec: Codec<V>): V {
    if (this.#text !== null) {
      this.#value = codec.decode(this.#text);
      this.#text = null;
    }
    return this.#value as V;
  }
}

/** State of one table, shared by all values that depend on it: one number invalidates all of them. */
export interface TableMark {
  /** The table's tombstone; null without one. */
  invalidatedAt: Lsn | null;
}

/** Whether a table that the value depends on was invalidated since the value was read. */
export function isBelowTable({ asOf, tables }: { readonly asOf: Lsn; readonly tables: readonly TableMark[] }): boolean {
  for (const { invalidatedAt } of tables) if (invalidatedAt !== null && isInvalidated(asOf, invalidatedAt)) return true;
  return false;
}

export interface KeptOptions {
  readonly key: CacheKey;
  readonly entry: Entry;
  readonly body: Body;
  readonly bytes: number;
  readonly tables: readonly TableMark[];
}

/** Where a value is found without its tags. */
export interface Known {
  readonly by: Shortcut;
  readonly text: string;
}

/** Values of one reader by the texts of their keys. */
export class Shortcut {
  readonly reader: string;
  readonly #values = new Map<string, Kept>();

  constructor(reader: string) {
    this.reader = reader;
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  find(text: string): Kept | undefined {
    return this.#values.get(text);
  }

  add(text: string, kept: Kept): void {
    this.#values.set(text, kept);
    kept.known = { by: this, text };
  }

  remove(text: string): void {
    this.#values.delete(text);
  }
}

/** One value in the in-process cache (R3). */
export class Kept {
  /** Null until somebody has looked for it there. */
  known: Known | null = null;
  /** When the list was last told of a use, milliseconds since 1970. */
  usedMs = 0;
  readonly tags: readonly Tag[];
  readonly place: string;
  readonly asOf: Lsn;
  readonly seen: Position;
  readonly expiresAtMs: number;
  readonly body: Body;
  readonly bytes: number;
  readonly tables: readonly TableMark[];

  constructor({ key, entry, body, bytes, tables }: KeptOptions) {
    this.tags = key.tags;
    this.place = placeOf(key);
    this.asOf = entry.asOf;
    this.seen = entry.seen;
    this.expiresAtMs = entry.expiresAtMs;
    this.body = body;
    this.bytes = bytes;
    this.tables = tables;
  }
}

/**
 * What identifies a value under its first tag. Further tags are part of it: a value that depends on fewer tags is
 * another value.
 */
export function placeOf({ tags, variant }: CacheKey): string {
  return tags.length === 1 ? variant : [variant, ...tags.slice(1)].join('\n');
}

/** Values by first tag and place. Most tags have one value, which is then stored without a map. */
export class KeptIndex {
  readonly #tags = new Map<Tag, Kept | Map<string, Kept>>();

  /** How many tags have values. */
  get size(): number {
    return this.#tags.size;
  }

  find(tag: Tag, place: string): Kept | undefined {
    const found = this.#tags.get(tag);
    if (found instanceof Kept) return found.place === place ? found : undefined;
    return found?.get(place);
  }

  /** All values under the tag; a copy. */
  of(tag: Tag): readonly Kept[] {
    const found = this.#tags.get(tag);
    if (found === undefined) return [];
    return found instanceof Kept ? [found] : [...found.values()];
  }

  /** How many values are under the tag. */
  count(tag: Tag): number {
    const found = this.#tags.get(tag);
    return found instanceof Map ? found.size : Number(found !== undefined);
  }

  /** The value's place must be free. */
  add(tag: Tag, kept: Kept): void {
    const found = this.#tags.get(tag);
    if (found === undefined) this.#tags.set(tag, kept);
    else if (found instanceof Map) found.set(kept.place, kept);
    else
      this.#tags.set(
        tag,
        new Map([
          [found.place, found],
          [kept.place, kept],
        ]),
      );
  }

  remove(tag: Tag, kept: Kept): void {
    const found = this.#tags.get(tag);
    if (found === kept) this.#tags.delete(tag);
    else if (found instanceof Map && found.get(kept.place) === kept) {
      found.delete(kept.place);
      if (found.size === 0) this.#tags.delete(tag);
    }
  }

  clear(): void {
    this.#tags.clear();
  }
}
