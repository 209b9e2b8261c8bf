/**
 * Owns the list of tables about which the stream no longer tells everything, because the schema changed while servers
 * were running. Every step invalidates these tables completely, so that none of their values is served beyond the step
 * at which it was read. A look at the catalog may show a later state than that of the change which caused it, and a
 * transaction that was open when a publication added a table is streamed only in part. So a table stays on the list
 * until the stream has passed everything that the look could have seen, and every such transaction.
 */
import { systemClock, type Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { maxLsn, ZERO_LSN, type Lsn } from '../../base/lsn.ts';
import { readMessage } from '../../change/messages.ts';
import { type CommittedTransaction } from '../../change/ports.ts';
import { tableTag, type TableTag } from '../../change/tags.ts';
import { type Log } from '../../telemetry/log.ts';

/** What one look at the catalog shows. */
export interface CatalogLook {
  /**
   * Tables whose changes may be missed, or whose values depend on more than rows; with the reason, as a clause about
   * "it".
   */
  readonly uncovered: ReadonlyMap<TableTag, string>;
  /** For each table a text that differs as soon as the table is altered. */
  readonly altered: ReadonlyMap<TableTag, string>;
  /** For each published table a text that differs as soon as the table is added to the publication again. */
  readonly joined: ReadonlyMap<TableTag, string>;
}

export interface CoverageSource {
  /** Tables of which values may be cached. */
  readonly tables: ReadonlySet<TableTag>;
  /** The look that the model was made from. */
  readonly first: CatalogLook;
  /**
   * Looks at the server that the stream comes from, which must show everything up to `shown`; rejects when it does not,
   * or cannot be asked. `upTo`: a position that is not below anything that the look saw. `nextTransaction`: every
   * transaction that had begun has a lower number.
   */
  look(shown: Lsn): Promise<CatalogLook & { readonly upTo: Lsn; readonly nextTransaction: bigint }>;
  /** The oldest transaction that is open there. Those below it have ended, at or below `upTo`. */
  running(): Promise<{ readonly oldest: bigint; readonly upTo: Lsn }>;
}

/** Tables that were added to a publication while some transactions were open. */
interface Joining {
  readonly tables: ReadonlySet<TableTag>;
  readonly before: bigint;
  /** The position at or below which these transactions have ended; null while some may still be open. */
  endedBy: Lsn | null;
}

const ASK_AGAIN_MS = 500;

export class Coverage {
  readonly #source: CoverageSource;
  readonly #log: Log;
  readonly #clock: Clock;
  #known: CatalogLook;
  /** Tables that changed while a look was ahead of the stream, until the stream has reached the look. */
  #unsettled: ReadonlySet<TableTag> = new Set();
  #settledAt = ZERO_LSN;
  #joining: Joining | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(source: CoverageSource, log: Log, clock: Clock = systemClock) {
    this.#source = source;
    this.#log = log;
    this.#clock = clock;
    this.#known = source.first;
  }

  /** A stream begins at `lsn`: the schema may have changed under whoever held it before. */
  async begin(lsn: Lsn): Promise<void> {
    // A table whose texts are the same as before has not changed in between.
    await this.#look(lsn, ({ altered, joined }) =>
      [...this.#source.tables].filter(
        (table) =>
          altered.get(table) !== this.#known.altered.get(table) || joined.get(table) !== this.#known.joined.get(table),
      ),
    );
  }

  /** Call it before the transaction is applied. Rejects if the schema changed and the catalog cannot be read. */
  async before({ commitLsn, messages }: CommittedTransaction): Promise<void> {
    const touched = this.#touchedBy(messages);
    if (touched.size > 0) await this.#look(commitLsn, () => touched);
  }

  /** The tables to invalidate at the step to `lsn`, whatever changed. Call it once for each step. */
  step(lsn: Lsn): readonly TableTag[] {
    const tables = new Set([...this.#known.uncovered.keys(), ...this.#unsettled, ...(this.#joining?.tables ?? [])]);
    // The step that reaches this position still invalidates what was read before it.
    if (lsn >= this.#settledAt) this.#unsettled = new Set();
    if (this.#joining !== null && this.#joining.endedBy === null) void this.#askForEnd(this.#joining);
    else if (this.#joining?.endedBy != null && lsn >= this.#joining.endedBy) this.#joining = null;
    return [...tables];
  }

  #touchedBy(messages: readonly string[]): ReadonlySet<TableTag> {
    const touched = new Set<TableTag>();
    for (const { everything, tables } of messages.map(readMessage)) {
      if (everything) return this.#source.tables;
      for (const tag of tables.map(tableTag)) if (this.#source.tables.has(tag)) touched.add(tag);
    }
    return touched;
  }

  async #look(shown: Lsn, touchedIn: (look: CatalogLook) => Iterable<TableTag>): Promise<void> {
    const { upTo, nextTransaction, ...look } = await this.#source.look(shown);
    const joined = [...look.joined]
      .filter(([table, revision]) => this.#known.joined.get(table) !== revision)
      .map(([table]) => table);
    if (joined.length > 0)
      this.#joining = {
        tables: new Set([...(this.#joining?.tables ?? []), ...joined]),
        before: nextTransaction,
        endedBy: null,
      };
    this.#unsettled = new Set([...this.#unsettled, ...touchedIn(look)]);
    this.#settledAt = maxLsn(this.#settledAt, upTo);
    this.#tell(look);
    this.#known = look;
  }

  async #askForEnd(joining: Joining): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#askedAtMs < ASK_AGAIN_MS) return;
    this.#askedAtMs = nowMs;
    try {
      const { oldest, upTo } = await this.#source.running();
      if (oldest >= joining.before) joining.endedBy = upTo;
    } catch (error) {
      this.#log.debug(
        { err: error },
        `It is not known yet whether transactions that began before a table was published have ended: ${messageOf(error)}`,
      );
    }
  }

  #tell({ uncovered }: CatalogLook): void {
    for (const [table, why] of uncovered) {
      if (this.#known.uncovered.get(table) === why) continue;
      this.#log.warn(
        { table },
        `Nothing of the table ${decodeURIComponent(table)} is served from the caches any more: ${why}. Undo that (meridian setup completes the publication), or restart the servers with the schema as it is now.`,
      );
    }
    for (const table of this.#known.uncovered.keys()) {
      if (!uncovered.has(table))
        this.#log.info({ table }, `The table ${decodeURIComponent(table)} is served from the caches again.`);
    }
  }
}
