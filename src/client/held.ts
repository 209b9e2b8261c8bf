/**
 * Owns where a client's tokens lie: in memory, or in the browser's storage under a key for each token, so that tabs
 * never overwrite each other's.
 */

/** The part of `localStorage` and `sessionStorage` that is used. */
export interface TokenStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A function where looking at the storage may throw by itself, as `localStorage` does where the browser forbids it. */
export type StorageSource = TokenStorage | (() => TokenStorage | null | undefined) | null;

export interface HeldToken {
  readonly token: string;
  /** When it was put there, milliseconds of the wall clock: only who was first is asked of it. */
  readonly sinceMs: number;
}

export interface HeldTokens {
  /** The newest first. */
  list(): readonly HeldToken[];
  add(token: string): void;
  remove(token: string): void;
}

/** What a token consists of: nothing that means something in a header, in a page or in a script. */
const TOKEN = /^[\w.~-]+$/;

export function isToken(text: string, maxBytes: number): boolean {
  return text.length <= maxBytes && TOKEN.test(text);
}

export interface HeldOptions {
  readonly graph: string;
  readonly storage: StorageSource;
  readonly maxBytes: number;
  /** Told once, when the storage has failed for the first time. */
  readonly onFailed: (cause: unknown) => void;
}

/**
 * One key for each token: a value that several tabs read, change and write back loses what another one has written in
 * between. Scripts of an origin see no other tab's changes within one task, so that a listing is of one moment.
 */
export function holdTokens({ graph, storage: source, maxBytes, onFailed }: HeldOptions): HeldTokens {
  const prefix = `meridian:${encodeURIComponent(graph)}:`;
  /** What is not in the storage: all of it where there is none, else what the storage did not take. */
  const memory = new Map<string, number>();
  /** What the storage would not let go. */
  const removed = new Set<string>();
  /** As last read: what was there may not be forgotten because the storage cannot be read any more. */
  let known = new Map<string, number>();
  let failed = false;

  const attempt = <T>(work: (storage: TokenStorage) => T): { readonly done: T } | null => {
    try {
      const storage = typeof source === 'function' ? source() : source;
      return storage ? { done: work(storage) } : null;
    } catch (error) {
      if (!failed) onFailed(error);
      failed = true;
      return null;
    }
  };

  const read = (storage: TokenStorage): Map<string, number> => {
    const found = new Map<string, number>();
    for (let i = 0; i < storage.length; i += 1) {
      const key = storage.key(i);
      if (key === null) break;
      const token = key.startsWith(prefix) ? key.slice(prefix.length) : '';
      if (isToken(token, maxBytes)) found.set(token, Number(storage.getItem(key)) || 0);
    }
    return found;
  };

  return {
    list() {
      known = attempt(read)?.done ?? known;
      return [...new Map([...known, ...memory])]
        .filter(([token]) => !removed.has(token))
        .map(([token, sinceMs]) => ({ token, sinceMs }))
        .sort((a, b) => b.sinceMs - a.sinceMs);
    },
    add(token) {
      const sinceMs = Date.now();
      removed.delete(token);
      const kept = attempt((storage) => {
        storage.setItem(prefix + token, String(sinceMs));
        // Some forget without a word, where they are not wanted.
        if (storage.getItem(prefix + token) === null) throw new Error('The storage did not keep what it was given.');
      });
      (kept === null ? memory : known).set(token, sinceMs);
    },
    remove(token) {
      memory.delete(token);
      const gone = attempt((storage) => storage.removeItem(prefix + token)) !== null;
      if (known.delete(token) && !gone) removed.add(token);
    },
  };
}
