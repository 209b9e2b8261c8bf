/**
 * Owns the position that a transaction's answer carries: not below what it has seen and written, and flushed at the
 * primary.
 */
import { type Position } from '../../base/lineage.ts';
import { type Connection, type Outcome } from '../connect/pool-connection.ts';
import { flushedNow, type FlushPlace } from '../read/flush.ts';
import { endPosition } from '../read/position.ts';
import { commitOutcomeUnknown } from './commit.ts';

export interface EndFacts {
  readonly connection: Connection;
  /** The outcome of `INDEX`, which follows the transaction's end. */
  readonly index: Outcome | undefined;
  /** The outcome of `COMMITS`; undefined if the transaction was rolled back. */
  readonly commits: Outcome | undefined;
  readonly place: FlushPlace;
}

export class EndOfTransaction {
  readonly #facts: EndFacts;
  #roundTrips = 0;

  constructor(facts: EndFacts) {
    this.#facts = facts;
  }

  /** Number of additional round trips, for a wait for the flush. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /**
   * The position of a committed transaction. Null: the commit is certain, but its position was lost with the
   * connection. Throws `WRITE_OUTCOME_UNKNOWN` if the commit did not wait for its own flush and the flush cannot be
   * confirmed.
   */
  async committed(): Promise<Position | null> {
    const {
      connection,
      commits,
      place: { region },
    } = this.#facts;
    const isSafe =
      commits?.ok === true &&
      typeof commits.result.rows[0]?.['synchronous'] === 'string' &&
      commits.result.rows[0]['synchronous'] !== 'off';
    try {
      const position = await this.#position();
      if (position !== null || isSafe) return position;
    } catch (error) {
      if (isSafe && connection.broken) return null;
      throw isSafe ? error : commitOutcomeUnknown(region, false, error);
    }
    throw commitOutcomeUnknown(region, false, undefined);
  }

  /** The position of a refused transaction; null if it is unknown. */
  async known(): Promise<Position | null> {
    try {
      return await this.#position();
    } catch {
      // The refusal itself is reported to the client; only its position is missing.
      return null;
    }
  }

  async #position(): Promise<Position | null> {
    const { connection, index, commits, place } = this.#facts;
    if (index?.ok !== true) return null;
    const position = endPosition(index.result.rows[0] ?? {}, connection, commits?.ok ? commits.result.rows[0] : {});
    if (position !== undefined) return position;
    this.#roundTrips += 1;
    return flushedNow(connection, place);
  }
}
