/**
 * Owns the evaluation of the positions that a request's tokens name: those that a failover lost, and those that only a
 * newer primary knows (R7).
 */
import { MeridianError } from '../../base/errors.ts';
import { laterPosition, lineageStatusOf, type Position, type TimelineHistory } from '../../base/lineage.ts';
import { type Positions } from '../../consistency/positions.ts';
import { type RegionView } from '../../region/view.ts';

type View = Pick<RegionView, 'cluster' | 'history' | 'refresh' | 'reachable'>;

/** The first of `positions` that names a lost write; null where there is none or no history is known. */
export function lostOf(positions: readonly Position[], history: TimelineHistory | null): Position | null {
  if (history === null) return null;
  return positions.find((position) => lineageStatusOf(position, history) === 'lost') ?? null;
}

/**
 * The positions that the tokens of one request name. They are kept separately: after merging, a lost position would be
 * hidden by one of a younger timeline.
 */
export class NamedPositions {
  readonly #view: View;
  readonly #all: readonly Position[];
  readonly #regions: () => Iterable<string>;
  /** Cached for the cluster that was known at the last access. */
  #own: { readonly cluster: RegionView['cluster']; readonly positions: readonly Position[] } | null = null;

  constructor(view: View, all: readonly Position[], regions: () => Iterable<string>) {
    this.#view = view;
    this.#all = all;
    this.#regions = regions;
  }

  /** The positions of this cluster. */
  get own(): readonly Position[] {
    const { cluster } = this.#view;
    if (this.#own === null || this.#own.cluster !== cluster)
      this.#own = { cluster, positions: this.#all.filter((position) => position.cluster === cluster) };
    return this.#own.positions;
  }

  /**
   * Must be awaited before a write. A client whose earlier write was lost must get an error before it continues, and a
   * client that has seen a newer primary must not write to the previous one. Throws `CONSISTENCY_LOST`,
   * `PRIMARY_UNAVAILABLE` or `CONSISTENCY_TOKEN_FUTURE`.
   */
  async admitWrite(): Promise<void> {
    const { own } = this;
    const newest = own.reduce<Position | null>((a, b) => (a === null ? b : laterPosition(a, b)), null);
    if (newest === null) return;
    if (this.#unknown(newest)) await this.#view.refresh();
    const { history } = this.#view;
    if (lostOf(own, history) !== null) {
      throw new MeridianError({
        code: 'CONSISTENCY_LOST',
        message:
          'The consistency token names a write that was lost in a failover, so that nothing was written on top of it; drop the token and check what was saved.',
      });
    }
    if (history === null || !this.#unknown(newest)) return;
    const facts = `The consistency token names timeline ${newest.timeline}, and the newest primary known here is on timeline ${history.timeline}; nothing was written.`;
    if ([...this.#regions()].every((region) => this.#view.reachable(region)))
      throw new MeridianError({
        code: 'CONSISTENCY_TOKEN_FUTURE',
        message: `${facts} Drop the token: the database it came from was replaced or restored.`,
      });
    throw new MeridianError({
      code: 'PRIMARY_UNAVAILABLE',
      message: `${facts} Try again when the new primary can be reached from here.`,
    });
  }

  /**
   * Called after a write has committed at `position`. If its timeline is newer than a token's, the history between them
   * is fetched, so that a lost position is reported when the token is used next. Throws `CONSISTENCY_LOST` for a write
   * to a primary that had already been replaced.
   */
  async written(position: Position): Promise<void> {
    const { own } = this;
    if (own.some(({ timeline }) => timeline > position.timeline)) {
      throw new MeridianError({
        code: 'CONSISTENCY_LOST',
        message: `The write went to a server that is still on timeline ${position.timeline} and was replaced as the primary before: it is lost. Write it again when the new primary is known.`,
        details: { committed: true },
      });
    }
    if (
      own.some(({ timeline }) => timeline < position.timeline) &&
      (this.#view.history?.timeline ?? 0) < position.timeline
    )
      await this.#view.refresh();
  }

  /**
   * The positions of the answer's token. A lost position stays in it, whatever was read meanwhile, so that the token is
   * never accepted again. A position whose lineage is still unknown stays as well: a read without a floor may see a
   * younger timeline before its history is known here, and a token with that timeline's position would drop the older
   * one. A position that the operation has `written` itself takes precedence over the latter.
   */
  kept(positions: Positions, written: Position | null): Positions {
    const kept = lostOf(this.own, this.#view.history) ?? (written === null ? this.#unjudged(positions) : null);
    return kept === null ? positions : new Map(positions).set(kept.cluster, kept);
  }

  /**
   * The latest position of the tokens, where the answer would replace one of them by a timeline whose history is
   * unknown; else null.
   */
  #unjudged(positions: Positions): Position | null {
    const { cluster, history } = this.#view;
    const met = cluster === null ? undefined : positions.get(cluster);
    if (met === undefined || (history !== null && history.timeline >= met.timeline)) return null;
    const { own } = this;
    return own.some(({ timeline }) => timeline < met.timeline) ? own.reduce(laterPosition) : null;
  }

  #unknown(position: Position): boolean {
    return this.#view.history !== null && lineageStatusOf(position, this.#view.history) === 'unknown';
  }
}
