/** Owns the record of a history: what each client has learned with its token, what was ever written, and which answers break the promise. */

/** What a key showed: for a row its version and the value that came with it, for a count the count alone. */
export interface Sight {
  readonly at: number;
  readonly value: string | null;
}

interface Write {
  readonly key: string;
  readonly value: string;
  /** The version that it became; null while nobody knows, or when its outcome was never told. */
  at: number | null;
  /** Monotonic milliseconds of the answer; null while there is none. */
  ackedAtMs: number | null;
}

/** What a client may rely on: its token, and the highest position in each key's own order that came with it. */
export interface Knowledge {
  token: string | null;
  readonly keys: Map<string, number>;
}

/**
 * Every key has an order of its own (a row's version, a count that only grows), so that each single answer can be judged:
 * no search for an order of operations is needed, and a finding names the two events that contradict each other.
 */
export class History {
  readonly findings: string[] = [];
  readonly #values = new Map<string, Write>();
  readonly #byVersion = new Map<string, string>();
  readonly #initial = new Map<string, Sight>();
  readonly #acked: Write[] = [];
  #checked = 0;

  /** How many sights were judged. */
  get checked(): number {
    return this.#checked;
  }

  get acknowledged(): number {
    return this.#acked.length;
  }

  begin(key: string, sight: Sight): void {
    this.#initial.set(key, sight);
  }

  /** Must be called before the write is sent: from then on its value may be seen. */
  attempt(key: string, value: string): void {
    this.#values.set(value, { key, value, at: null, ackedAtMs: null });
  }

  acked(value: string, at: number): void {
    const write = this.#values.get(value);
    if (!write) throw new TypeError(`${value} was never attempted`);
    this.#identify(write, at, 'the answer to its write');
    write.ackedAtMs = performance.now();
    this.#acked.push(write);
  }

  /** Counts have no values: what was acknowledged is how high the count was. */
  ackedCount(key: string, at: number): void {
    this.#acked.push({ key, value: '', at, ackedAtMs: performance.now() });
  }

  /** The highest place in `key`'s order that was acknowledged to anybody by `byMs`. */
  ackedBy(key: string, byMs: number): number {
    let highest = 0;
    for (const write of this.#acked) if (write.key === key && write.at !== null && (write.ackedAtMs ?? Infinity) <= byMs) highest = Math.max(highest, write.at);
    return highest;
  }

  /** Judges one sight of `key` against the least that it had to show. */
  saw(key: string, sight: Sight, floor: number, what: string): void {
    this.#checked += 1;
    if (sight.at < floor) this.findings.push(`STALE ${what}: ${key} showed ${sight.at} (${sight.value}), at least ${floor} was known`);
    if (sight.value === null) return;
    const initial = this.#initial.get(key);
    if (initial?.value === sight.value) {
      if (initial.at !== sight.at) this.findings.push(`TORN ${what}: ${key} showed the first value as version ${sight.at}`);
      return;
    }
    const write = this.#values.get(sight.value);
    if (write?.key !== key) this.findings.push(`INVENTED ${what}: ${key} showed ${sight.value}, which nobody wrote to it`);
    else this.#identify(write, sight.at, what);
  }

  /** One value is one version and one version is one value, whoever looks. */
  #identify(write: Write, at: number, what: string): void {
    const name = `${write.key}@${at}`;
    const other = this.#byVersion.get(name);
    if ((write.at !== null && write.at !== at) || (other !== undefined && other !== write.value)) {
      this.findings.push(`TORN ${what}: ${name} is ${write.value}, and also ${other ?? `${write.key}@${write.at}`}`);
    }
    write.at = at;
    this.#byVersion.set(name, write.value);
  }
}

export function learn(keys: Map<string, number>, key: string, at: number): void {
  keys.set(key, Math.max(keys.get(key) ?? 0, at));
}
