/** Owns the timeline of a replica without a WAL receiver: then only the replication protocol reports it, not SQL. */
import { messageOf } from '../../base/errors.ts';
import { type Lsn } from '../../base/lsn.ts';
import { type Log } from '../../telemetry/log.ts';
import { fetchTimeline, type LineageOptions } from '../connect/timeline.ts';

export interface ReplicaTimelineOptions extends LineageOptions {
  readonly region: string;
  readonly log: Pick<Log, 'debug'> | undefined;
}

/**
 * It is fetched after the replay position was read, so that the answer may be a timeline that began meanwhile. That is
 * correct too, since a newer timeline begins at or above what was replayed. A timeline older than the real one would
 * make a lost write appear to have survived.
 */
export class ReplicaTimeline {
  readonly #options: ReplicaTimelineOptions;
  #known: { readonly lsn: Lsn; readonly timeline: Promise<number | null> } | null = null;

  constructor(options: ReplicaTimelineOptions) {
    this.#options = options;
  }

  /**
   * The timeline of a replica that had replayed up to `lsn`; null if it cannot be fetched. It is fetched only once
   * while the replay position does not change.
   */
  at(lsn: Lsn): Promise<number | null> {
    if (this.#known?.lsn === lsn) return this.#known.timeline;
    const known = { lsn, timeline: this.#fetch() };
    this.#known = known;
    void known.timeline.then((timeline) => {
      if (timeline === null && this.#known === known) this.#known = null;
    });
    return known.timeline;
  }

  async #fetch(): Promise<number | null> {
    const { region, log } = this.#options;
    try {
      return await fetchTimeline(this.#options);
    } catch (error) {
      // The role lacks REPLICATION, no WAL sender is free, or the server is down: floors are then proved by another
      // region's server.
      log?.debug(
        { region, err: error },
        `The replica of region ${region} does not tell its timeline: ${messageOf(error)}`,
      );
      return null;
    }
  }
}
