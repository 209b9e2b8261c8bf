/**
 * Owns which tables the stream does not tell everything of any more, since the schema changed under the servers: every
 * step invalidates them whole, so that nothing of them is served beyond the step at which it was read.
 *
 * What a look at the catalog shows may be later than the change that it was taken for, and a transaction that was under
 * way when a publication took a table in is told of only in part. So tables stay on the list until the stream is past
 * all that the look could have seen, and past every such transaction.
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
  /** Tables of which a change may go unseen, or a value depend on more than rows, and why, as a clause about "it". */
  readonly uncovered: ReadonlyMap<TableTag, string>;
  /** Of each table, another text as soon as it is altered. */
  readonly altered: ReadonlyMap<TableTag, string>;
  /** Of those that are published, another one as soon as they are taken in anew. */
  readonly joined: ReadonlyMap<TableTag, string>;
}

export interface CoverageSource {
  /** Those that something may be cached of. */
  readonly tables: ReadonlySet<TableTag>;
  /** As the model was made from it. */
  readonly first: CatalogLook;
  /**
   * Looks at the server that the stream comes from, which must show everything up to `shown`; rejects when it does not,
   * or cannot be asked. `upTo`: what it saw lies at or below. `nextTransaction`: no transaction that had begun has this
   * number or a higher one.
   */
  look(shown: Lsn): Promise<CatalogLook & { readonly upTo: Lsn; readonly nextTransaction: bigint }>;
  /** The oldest transaction that runs there; those below have ended, and lie at or below `upTo`. */
  running(): Promise<{ readonly oldest: bigint; readonly upTo: Lsn }>;
}

/** Published anew while some transactions had begun already. */
interface Joining {
  readonly tables: ReadonlySet<TableTag>;
  readonly before: bigint;
  /** They have ended at or below it; null: not all of them, as far as is known. */
  endedBy: Lsn | null;
}

const ASK_AGAIN_MS = 500;

export class Coverage {
  readonly #source: CoverageSource;
  readonly #log: Log;
  readonly #clock: Clock;
  #known: CatalogLook;
  /** What changed while a look was ahead of the stream is not known before the stream has come as far. */
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
    // Those that are as they were then, were so all the time.
    await this.#look(lsn, ({ altered, joined }) =>
      [...this.#source.tables].filter(
        (table) =>
          altered.get(table) !== this.#known.altered.get(table) || joined.get(table) !== this.#known.joined.get(table),
      ),
    );
  }

  /** To be called before the transaction is applied. Rejects where the schema changed and nobody can say how. */
  async before({ commitLsn, messages }: CommittedTransaction): Promise<void> {
    const touched = this.#touchedBy(messages);
    if (touched.size > 0) await this.#look(commitLsn, () => touched);
  }

  /** The tables that are wrong at the step to `lsn`, whatever changed. To be called once for each step. */
  step(lsn: Lsn): readonly TableTag[] {
    const tables = new Set([...this.#known.uncovered.keys(), ...this.#unsettled, ...(this.#joining?.tables ?? [])]);
    // The step that comes there still invalidates what was read before.
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
