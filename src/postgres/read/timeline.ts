/**
 * Owns the timeline of a replica that streams from nobody: SQL does not tell it then, only the replication protocol
 * does.
 */
import { messageOf } from '../../base/errors.ts';
import { type Lsn } from '../../base/lsn.ts';
import { type Log } from '../../telemetry/log.ts';
import { fetchTimeline, type LineageOptions } from '../connect/timeline.ts';

export interface ReplicaTimelineOptions extends LineageOptions {
  readonly region: string;
  readonly log: Pick<Log, 'debug'> | undefined;
}

/**
 * Asked after the replay position was read, so that the answer may be a timeline that began meanwhile, which is right
 * too: a younger timeline begins at or above what was replayed. One that is older than the truth would make a lost
 * write look kept.
 */
export class ReplicaTimeline {
  readonly #options: ReplicaTimelineOptions;
  #known: { readonly lsn: Lsn; readonly timeline: Promise<number | null> } | null = null;

  constructor(options: ReplicaTimelineOptions) {
    this.#options = options;
  }

  /**
   * The timeline of a replica that had replayed up to `lsn`; null when it does not tell. While nothing is replayed it
   * is asked once.
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
      // No REPLICATION privilege, no free sender, or no server: floors are then proved by another region's.
      log?.debug(
        { region, err: error },
        `The replica of region ${region} does not tell its timeline: ${messageOf(error)}`,
      );
      return null;
    }
  }
}
