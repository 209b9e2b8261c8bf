/**
 * Owns the report of a region's caches: the figures of each of its processes, their text form, and their sum. Unknown
 * values are null, never zero.
 */

/** Figures of one process. Counts are of the last minutes. */
export interface CacheFigures {
  /** Names the process. */
  readonly process: string;
  /** Lookups that the process's own cache or a load in flight answered. */
  readonly localHits: number;
  /** Lookups of the process. */
  readonly lookups: number;
  /** Lookups that the shared cache answered. */
  readonly sharedHits: number;
  /** Lookups that the shared cache was asked for. */
  readonly sharedLookups: number;
  /** Values in the process, and bytes of them. */
  readonly entries: number;
  readonly bytes: number;
  /** Requests that a kept answer answered, and requests that were looked up. */
  readonly answerHits: number;
  readonly answerLookups: number;
  /** Answers of whole operations in the process, and bytes of them. */
  readonly answers: number;
  readonly answerBytes: number;
  /** Whether the process's own cache is in use. */
  readonly isOn: boolean;
  /**
   * Milliseconds from the commit at the primary until the change was applied to the caches; null in a process that does
   * not hold the slot, and if it is unknown.
   */
  readonly lagMs: number | null;
  readonly lagP99Ms: number | null;
}

/** Figures of a region. */
export interface CacheReport {
  /** The number of server processes. */
  readonly servers: number;
  /** How many of these use their own cache at present. */
  readonly caching: number;
  /** Shares of lookups that were answered there; null without lookups. */
  readonly localHitRatio: number | null;
  readonly sharedHitRatio: number | null;
  readonly entries: number;
  readonly bytes: number;
  /** Share of the looked-up requests that a kept answer answered; null without any. */
  readonly operationHitRatio: number | null;
  readonly operations: number;
  readonly operationBytes: number;
  readonly invalidationLagMs: number | null;
  readonly invalidationLagP99Ms: number | null;
}

/** Null if no process reported anything. */
export function reportOf(figures: readonly CacheFigures[]): CacheReport | null {
  if (figures.length === 0) return null;
  const sum = (of: (one: CacheFigures) => number): number => figures.reduce((all, one) => all + of(one), 0);
  return {
    servers: figures.length,
    caching: sum(({ isOn }) => Number(isOn)),
    localHitRatio: ratio(
      sum(({ localHits }) => localHits),
      sum(({ lookups }) => lookups),
    ),
    sharedHitRatio: ratio(
      sum(({ sharedHits }) => sharedHits),
      sum(({ sharedLookups }) => sharedLookups),
    ),
    entries: sum(({ entries }) => entries),
    bytes: sum(({ bytes }) => bytes),
    operationHitRatio: ratio(
      sum(({ answerHits }) => answerHits),
      sum(({ answerLookups }) => answerLookups),
    ),
    operations: sum(({ answers }) => answers),
    operationBytes: sum(({ answerBytes }) => answerBytes),
    invalidationLagMs: highest(figures.map(({ lagMs }) => lagMs)),
    invalidationLagP99Ms: highest(figures.map(({ lagP99Ms }) => lagP99Ms)),
  };
}

export function figuresText(figures: CacheFigures): string {
  return JSON.stringify(figures);
}

/** Null for an invalid text: a server of another version may have written it. */
export function readFigures(text: string): CacheFigures | null {
  const found = parsed(text);
  if (found === null) return null;
  const {
    process,
    localHits,
    lookups,
    sharedHits,
    sharedLookups,
    entries,
    bytes,
    answerHits,
    answerLookups,
    answers,
    answerBytes,
    isOn,
    lagMs,
    lagP99Ms,
  } = found;
  if (
    !isCount(localHits) ||
    !isCount(lookups) ||
    !isCount(sharedHits) ||
    !isCount(sharedLookups) ||
    !isCount(entries) ||
    !isCount(bytes)
  )
    return null;
  if (!isCount(answerHits) || !isCount(answerLookups) || !isCount(answers) || !isCount(answerBytes)) return null;
  if (typeof process !== 'string' || typeof isOn !== 'boolean' || !isMs(lagMs) || !isMs(lagP99Ms)) return null;
  return {
    process,
    localHits,
    lookups,
    sharedHits,
    sharedLookups,
    entries,
    bytes,
    answerHits,
    answerLookups,
    answers,
    answerBytes,
    isOn,
    lagMs,
    lagP99Ms,
  };
}

function parsed(text: string): Partial<Record<keyof CacheFigures, unknown>> | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' ? found : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function isMs(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Of several slot holders, one of which may have been replaced, the slower one counts. */
function highest(values: readonly (number | null)[]): number | null {
  return values.reduce((a, b) => (a === null || b === null ? (a ?? b) : Math.max(a, b)), null);
}
