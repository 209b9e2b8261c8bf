/**
 * Owns the verdict: which answers could not have been given by a database that keeps its promises, and the shortest
 * history that shows it.
 */
import { formatLsn, maxLsn, ZERO_LSN, type Lsn } from '../../src/base/lsn.ts';
import { describeFinding } from './explain.ts';
import { selectionText, type Answered, type Sight, type Witness } from './record.ts';
import { type Truth } from './truth.ts';

/**
 * - `stale`: it was true, but only before the floor. - `resurrected`: the same, of a row that was deleted by then.
 * - `uncovered`: it was true only above what the answer's token names, so that the next read may be older (R6).
 * - `torn`: each part was true between floor and token, but never all at once. - `invented`: it was never true.
 * - `lost write`: an acknowledged write is not in the history by its token. - `token went back`: it names less than the
 * one that was sent.
 */
export type FindingKind =
  | 'stale'
  | 'resurrected'
  | 'uncovered'
  | 'torn'
  | 'invented'
  | 'lost write'
  | 'token went back'
  | 'left over'
  | 'wrong error'
  | 'hung';

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
}

export interface JudgeParts {
  readonly truth: Truth;
  readonly witness: Witness;
  /** What was broken at a time, for people. */
  readonly brokenBetween: (fromMs: number, toMs: number) => readonly string[];
  /** Region whose own server is the primary. */
  readonly primary: string;
}

/**
 * Reads without a floor may be old, but not as old as this: nothing stays broken for so long. What is older was
 * forgotten by an invalidation.
 */
const OLDEST_MS = 60_000;
/** A transaction that wrote no row is never known. */
const FORGOTTEN_MS = 60_000;
/** Answers that are kept so that a finding can name what came before it. */
const KEPT = 20_000;

export class Judge {
  readonly findings: Finding[] = [];
  /** Sights that were judged. */
  sights = 0;
  /** Of them, those that show commits of the primary in another order than its WAL's. */
  reordered = 0;
  readonly #parts: JudgeParts;
  readonly #past: Answered[] = [];
  #waiting: Answered[] = [];
  #told: { readonly xid: number; readonly ms: number }[] = [];

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Judges it as soon as the true history is known that far. */
  add(answered: Answered): void {
    this.#waiting.push(answered);
  }

  /** Judges what can be judged. */
  work(): void {
    const { truth } = this.#parts;
    for (const answered of this.#waiting) this.#learn(answered);
    this.#told = this.#told.filter(({ xid, ms }) => !truth.tell(xid, ms) && ms > performance.now() - FORGOTTEN_MS);
    const later: Answered[] = [];
    for (const answered of this.#waiting) {
      if ((answered.token ?? answered.sent) > truth.reached) {
        later.push(answered);
        continue;
      }
      this.#judge(answered);
      this.#past.push(answered);
    }
    this.#waiting = later;
    if (this.#past.length > 2 * KEPT) this.#past.splice(0, this.#past.length - KEPT);
  }

  /** A transaction beside Meridian was acknowledged. */
  acknowledge(xid: number): void {
    this.#told.push({ xid, ms: performance.now() });
  }

  /** Whoever was answered was told of the commit. */
  #learn({ trace, token, answeredMs }: Answered): void {
    const { truth } = this.#parts;
    const at = trace?.kind === 'value' && token !== null ? truth.writtenAt(trace.value) : undefined;
    const commit = at === undefined ? undefined : truth.commitAt(at);
    if (commit !== undefined) commit.toldAtMs = Math.min(commit.toldAtMs, answeredMs);
  }

  #judge(answered: Answered): void {
    const { token, sent } = answered;
    if (token !== null && token < sent)
      this.#find(
        'token went back',
        answered,
        `its token names ${formatLsn(token)}, below ${formatLsn(sent)}, which was sent`,
      );
    if (answered.trace !== null && token !== null) this.#judgeWrite(answered, token);
    if (token === null) return;
    const floor = this.#floorOf(answered);
    const whole = answered.asking.level === 'SNAPSHOT' && answered.trace === null;
    let sound = true;
    for (const sight of answered.sights)
      sound = this.#judgeSight(answered, sight, this.#floorFor(answered, sight, floor), token) && sound;
    if (whole && sound) this.#judgeSnapshot(answered, floor, token);
  }

  /** An acknowledged write is in the history, and its token covers it. */
  #judgeWrite(answered: Answered, token: Lsn): void {
    const { truth } = this.#parts;
    const { trace } = answered;
    if (trace?.kind === 'value') {
      const at = truth.writtenAt(trace.value);
      if (at === undefined || at > token)
        this.#find(
          'lost write',
          answered,
          `"${trace.value}" was ${at === undefined ? 'never committed' : `committed at ${formatLsn(at)}`}, its token names ${formatLsn(token)}`,
        );
    } else if (trace?.kind === 'deleted' && truth.rowAt(trace.table, trace.id, token) !== null) {
      this.#find(
        'lost write',
        answered,
        `${trace.table} ${trace.id} is still there at ${formatLsn(token)}, which its token names`,
      );
    }
  }

  /** What the answer must not be older than. */
  #floorOf({ sent, asking, sentMs, trace }: Answered): Lsn {
    const { truth, witness } = this.#parts;
    const own = trace?.kind === 'value' ? (truth.writtenAt(trace.value) ?? ZERO_LSN) : ZERO_LSN;
    const token = asking.level === 'EVENTUAL' && trace === null ? witness.by(sentMs - OLDEST_MS) : sent;
    return truth.floor(maxLsn(token, own));
  }

  /** What a level promises beside the token: the commits of these rows that somebody was told of by then. */
  #floorFor({ promisedMs }: Answered, { selection }: Sight, floor: Lsn): Lsn {
    const told =
      promisedMs === null ? undefined : this.#parts.truth.toldBy(selection, promisedMs, this.#parts.truth.reached);
    return told === undefined ? floor : maxLsn(floor, told);
  }

  #judgeSight(answered: Answered, sight: Sight, floor: Lsn, token: Lsn): boolean {
    const { truth } = this.#parts;
    this.sights += 1;
    if (this.#trueIn(sight, floor, token) !== null) return true;
    if (this.#mayReorder(answered) && this.#trueInParts(sight, floor, token)) {
      this.reordered += 1;
      return true;
    }
    const before = this.#trueIn(sight, ZERO_LSN, floor);
    const after = before === null ? this.#trueIn(sight, token, truth.reached) : null;
    const range = `between ${formatLsn(floor)}, its floor, and ${formatLsn(token)}, its token`;
    if (before !== null) {
      const gone = sight.what === 'rows' && truth.expected(sight, floor) === '[]';
      this.#find(gone ? 'resurrected' : 'stale', answered, `was true up to ${formatLsn(before)}, not ${range}`, {
        sight,
        floor,
        trueAt: before,
      });
    } else if (after !== null) {
      this.#find('uncovered', answered, `became true at ${formatLsn(after)}, not ${range}`, {
        sight,
        floor,
        trueAt: after,
      });
    } else {
      this.#find(
        this.#trueInParts(sight, ZERO_LSN, truth.reached) ? 'torn' : 'invented',
        answered,
        `was never true as a whole, neither ${range} nor elsewhere`,
        { sight, floor, trueAt: null },
      );
    }
    return false;
  }

  /** The newest position in the range at which the sight was true; null for none. */
  #trueIn(sight: Sight, from: Lsn, to: Lsn): Lsn | null {
    const { truth } = this.#parts;
    return truth.positions(sight.selection, from, to).find((lsn) => truth.expected(sight, lsn) === sight.shown) ?? null;
  }

  /** All of a snapshot at one position. */
  #judgeSnapshot(answered: Answered, floor: Lsn, token: Lsn): void {
    const { truth } = this.#parts;
    if (this.#mayReorder(answered) || answered.sights.length === 0) return;
    const all = new Set(answered.sights.flatMap(({ selection }) => truth.positions(selection, floor, token)));
    for (const lsn of [...all].sort((a, b) => (a < b ? 1 : -1)))
      if (answered.sights.every((sight) => truth.expected(sight, lsn) === sight.shown)) return;
    const parts = answered.sights.map((sight) => {
      const at = truth
        .positions(sight.selection, floor, token)
        .filter((lsn) => truth.expected(sight, lsn) === sight.shown);
      return `${selectionText(sight.selection)} is ${sight.shown} from ${at.map(formatLsn).join(' and ')}, not from ${truth
        .positions(sight.selection, floor, token)
        .filter((lsn) => !at.includes(lsn))
        .map(formatLsn)
        .join(' and ')}`;
    });
    this.#find(
      'torn',
      answered,
      `between ${formatLsn(floor)} and ${formatLsn(token)} no position has all of its parts, though it is a snapshot: ${parts.join('; ')}`,
    );
  }

  /**
   * A primary makes commits visible in an order that may differ from its WAL's: for a moment it shows a state that no
   * replica ever shows. What a primary answered, or was filled in from one, is judged row by row.
   */
  #mayReorder({ region, servedBy }: Answered): boolean {
    return region === this.#parts.primary || (servedBy?.primary ?? 0) > 0;
  }

  #trueInParts(sight: Sight, from: Lsn, to: Lsn): boolean {
    const { truth } = this.#parts;
    const { selection, what, columns } = sight;
    const lsns = truth.positions(selection, from, to);
    if (what === 'count') {
      const counts = lsns.map((lsn) => Number(truth.expected(sight, lsn)));
      return Number(sight.shown) >= Math.min(...counts) && Number(sight.shown) <= Math.max(...counts);
    }
    const rows =
      what === 'page'
        ? (JSON.parse(sight.shown) as { rows: (string | null)[][] }).rows
        : (JSON.parse(sight.shown) as (string | null)[][]);
    const place = columns.indexOf('id');
    return rows.every((row) => {
      const single: Sight = {
        selection: { table: selection.table, column: 'id', value: String(row[place]), order: [] },
        what: 'rows',
        columns,
        shown: JSON.stringify([row]),
      };
      return this.#trueIn(single, from, to) !== null;
    });
  }

  #find(
    kind: FindingKind,
    answered: Answered,
    why: string,
    of?: { readonly sight: Sight; readonly floor: Lsn; readonly trueAt: Lsn | null },
  ): void {
    const { truth, brokenBetween } = this.#parts;
    const subject =
      of === undefined
        ? answered.what
        : `${of.sight.what === 'rows' ? '' : `${of.sight.what} of `}${selectionText(of.sight.selection)}`;
    const head = `${kind.toUpperCase()} ${answered.client} in ${answered.region} (${answered.server}), ${answered.asking.level}${answered.asking.bare ? ' without its token' : ''}: ${subject} ${why}.`;
    this.findings.push({
      kind,
      text: describeFinding({
        head,
        answered,
        truth,
        past: this.#past,
        broken: brokenBetween(answered.sentMs - 5_000, answered.answeredMs),
        ...of,
      }),
    });
  }
}
