/**
 * Owns where a client's tokens are stored: in memory, or in the browser's storage under one key per token, so that tabs
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

/** A function, because access to the storage may itself throw: `localStorage` does if the browser forbids it. */
export type StorageSource = TokenStorage | (() => TokenStorage | null | undefined) | null;

export interface HeldToken {
  readonly token: string;
  /** When it was stored, milliseconds of the wall clock; used only to order tokens. */
  readonly sinceMs: number;
}

export interface HeldTokens {
  /** The newest first. */
  list(): readonly HeldToken[];
  add(token: string): void;
  remove(token: string): void;
}

/** The characters of a token: none has a meaning in a header, in HTML or in a script. */
const TOKEN = /^[\w.~-]+$/;

export function isToken(text: string, maxBytes: number): boolean {
  return text.length <= maxBytes && TOKEN.test(text);
}

export interface HeldOptions {
  readonly graph: string;
  readonly storage: StorageSource;
  readonly maxBytes: number;
  /** Called once, when the storage fails for the first time. */
  readonly onFailed: (cause: unknown) => void;
}

/**
 * One key per token: if several tabs read, changed and wrote one value, each could lose what another one has written.
 * The scripts of an origin see no changes of other tabs within one task, so that a listing is of one moment.
 */
export function holdTokens({ graph, storage: source, maxBytes, onFailed }: HeldOptions): HeldTokens {
  const prefix = `meridian:${encodeURIComponent(graph)}:`;
  /**
   * Tokens that are not in the storage: all of them if there is none, otherwise those that the storage did not accept.
   */
  const memory = new Map<string, number>();
  /** Tokens that the storage did not remove. */
  const removed = new Set<string>();
  /** The last contents that were read: these tokens must not be forgotten if the storage can no longer be read. */
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
        // Some storages silently discard values if storage is blocked.
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
