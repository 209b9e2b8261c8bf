/**
 * Owns how the reads of one requirement use the region's cache: what a cached value must satisfy, and how its use is
 * reported.
 */
import { isMeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { maxLsn, type Lsn } from '../../base/lsn.ts';
import { type CacheDemand } from '../../cache/reading.ts';
import { cacheDemand } from '../../consistency/cache-demand.ts';
import { type Requirement } from '../../consistency/requirement.ts';
import { lostOf } from './named.ts';
import { type AnswerBasis } from './answer-basis.ts';
import { type ReadRecord } from './report.ts';
import { type ReadParts } from './run.ts';
import { type Answer, type CachedReads, type Statement } from '../ports.ts';

export interface SessionCachingOptions {
  readonly parts: ReadParts;
  /** The current requirement; the operation's own writes raise its floor. */
  readonly requirement: () => Requirement;
  /** The positions of this cluster that the request's tokens name. */
  readonly named: () => readonly Position[];
  /** The read index (STRONG's floor), shared by the whole operation. */
  readonly index: () => Promise<Position>;
  readonly record: ReadRecord;
  readonly answer: (statement: Statement) => Promise<Answer>;
  readonly basis: () => AnswerBasis | null;
}

export class SessionCaching implements CachedReads {
  readonly #options: SessionCachingOptions;

  constructor(options: SessionCachingOptions) {
    this.#options = options;
  }

  answer(statement: Statement): Promise<Answer> {
    return this.#options.answer(statement);
  }

  get basis(): AnswerBasis | null {
    return this.#options.basis();
  }

  async demand(): Promise<CacheDemand | null> {
    return this.#demandWith(this.#needsIndex() ? await this.#index() : null);
  }

  demandNow(): CacheDemand | null {
    return this.#needsIndex() ? null : this.#demandWith(null);
  }

  #needsIndex(): boolean {
    const { view } = this.#options.parts;
    return this.#options.requirement().level === 'STRONG' && this.#nearest() !== view.primary;
  }

  #nearest(): string | undefined {
    const { view, servers } = this.#options.parts;
    return view.readOrder().find((region) => servers.has(region));
  }

  #demandWith(index: Position | null): CacheDemand | null {
    const { view, limits } = this.#options.parts;
    const nearest = this.#nearest();
    const nextToPrimary = nearest !== undefined && nearest === view.primary;
    // Read here, after the index was fetched, so that the operation's concurrent writes are included.
    const { level, floor, maxLagMs } = this.#options.requirement();
    const { cluster, history } = view;
    const need = cacheDemand({
      level,
      floor,
      index,
      nextToPrimary,
      history,
      named: this.#options.named(),
      shown: this.#shown(nearest),
      bound: level === 'BOUNDED' ? view.positionWithin(maxLagMs ?? limits.boundedLagMs) : null,
    });
    return need && { ...need, lineage: cluster === null ? null : { cluster, history } };
  }

  hit(seen: Position, asOf: Lsn | null, reads = 1): boolean {
    const { parts, requirement, record } = this.#options;
    const { view, metrics } = parts;
    if (lostOf([seen], view.history) !== null) return false;
    record.served(
      { region: view.local, by: 'cache', seen, stalenessMs: asOf === null ? null : view.ageMs(asOf) },
      reads,
    );
    metrics?.reads.inc({ level: requirement().level, served_by: 'cache', region: view.local }, reads);
    return true;
  }

  /**
   * While the region's own server is unavailable it shows nothing, and another region answers. The cache must not be
   * far behind what that region may have shown.
   */
  #shown(nearest: string | undefined): Lsn | null {
    const { view, shown, clock, limits } = this.#options.parts;
    const own = shown.at(clock.monotonicMs());
    const others = nearest === view.local ? null : view.positionWithin(limits.cacheLagMs);
    return own !== null && others !== null ? maxLsn(own, others) : (own ?? others);
  }

  /** Null where the read index is unavailable: the query itself looks for another primary and reports the failure. */
  async #index(): Promise<Position | null> {
    const { view } = this.#options.parts;
    if (view.primary === null || !view.reachable(view.primary)) return null;
    try {
      return await this.#options.index();
    } catch (error) {
      if (isMeridianError(error)) return null;
      throw error;
    }
  }
}
