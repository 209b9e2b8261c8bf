/**
 * Owns cached answers of whole queries. An answer is kept with the tags of everything on which it depends, and served
 * under the same floors as its rows (R3-R6).
 */
import { type Clock } from '../../base/clock.ts';
import { maxLsn } from '../../base/lsn.ts';
import { type Viewer } from '../../base/viewer.ts';
import { mayServe } from '../../cache/guard.ts';
import { type LocalCache } from '../../cache/local.ts';
import { MetBefore } from '../../cache/met-before.ts';
import { type FillVerdict } from '../../cache/ports.ts';
import { type Options } from '../../config/options.ts';
import { type Requirement } from '../../consistency/requirement.ts';
import { type ConsistencyToken, type TokenCodec } from '../../consistency/token.ts';
import { type ReadSession } from '../../read/session/engine.ts';
import { settingsKey } from '../../read/loaders/through-cache.ts';
import { type Setting } from '../../read/ports.ts';
import { type AskedHeaders } from '../context.ts';
import { consistencyOf } from './consistency-extension.ts';
import { type AnswerCollector, type Collecting } from './collector.ts';
import { bytesOf } from './request-text.ts';

/** Called when the events happen; must not throw and must be fast. */
export interface OperationCacheObserver {
  looked(outcome: 'hit' | 'miss'): void;
  kept(verdict: FillVerdict): void;
}

export interface OperationCacheDeps {
  /** The process's own cache. */
  readonly local: Pick<LocalCache, 'generation' | 'watermark' | 'answer' | 'keepAnswer'>;
  readonly collector: Pick<AnswerCollector, 'mayCollect' | 'collect'>;
  readonly codec: Pick<TokenCodec, 'encode'>;
  readonly region: string;
  readonly options: Pick<Options, 'operationCacheFirst'>;
  readonly clock: Clock;
  readonly observe: OperationCacheObserver;
  openSession(asked: Pick<AskedHeaders, 'token' | 'floor'>, settings: readonly Setting[]): ReadSession;
}

/** The parts of a request that its answer depends on. */
export interface AskedAgain extends Pick<AskedHeaders, 'token' | 'floor'> {
  /** The body's text. */
  readonly body: string;
  readonly viewer: Viewer | null;
}

/** The request with the name under which its answer is stored. */
export interface AskedByName extends AskedAgain {
  readonly name: string;
  readonly settings: readonly Setting[];
}

export interface AnswerNow {
  /** The body, one character for each byte. */
  readonly body: string;
  readonly cacheControl: string;
  /** Covers everything that the answer shows, and the request's tokens (R6). */
  readonly token: ConsistencyToken | null;
}

/** The end of the body of an answer without extensions; they are inserted before it. */
const CLOSING = '}\n';

/** The name under which the answer to this body is cached. Viewers of one tenant with equal settings share it (R11). */
export function nameOf(body: string, viewer: Viewer | null, settings: readonly Setting[]): string {
  return `${JSON.stringify([viewer?.tenant ?? null, settingsKey(settings)])}\n${body}`;
}

export class OperationCache {
  readonly #deps: OperationCacheDeps;
  readonly #met = new MetBefore();

  constructor(deps: OperationCacheDeps) {
    this.#deps = deps;
  }

  /**
   * Must be called before the first read. From then on the session collects the answer's dependencies, if the answer
   * may be cached.
   */
  begin(name: string, collecting: Collecting): void {
    const { collector, options } = this.#deps;
    if (!collector.mayCollect(collecting)) return;
    if (this.#met.meet(name) || options.operationCacheFirst) collector.collect(collecting);
  }

  /** Keeps an answer without errors, if everything that it shows was collected and may be kept. */
  keep(name: string, session: ReadSession, { body, cacheControl }: Pick<AnswerNow, 'body' | 'cacheControl'>): void {
    const found = session.dependencies();
    if (found === null) return;
    const { epoch, asOf, ...rest } = found;
    const verdict = this.#deps.local.keepAnswer(epoch, {
      ...rest,
      name,
      cacheControl,
      asOf: asOf.lsn,
      body,
    });
    this.#deps.observe.kept(verdict);
  }

  /**
   * The cached answer if it satisfies the request; null where the request must be executed. Throws the errors of its
   * tokens.
   */
  answer(asked: AskedByName): AnswerNow | null {
    const found = this.#find(asked);
    this.#deps.observe.looked(found === null ? 'miss' : 'hit');
    return found;
  }

  #find({ name, settings, token: header, floor }: AskedByName): AnswerNow | null {
    const { local, clock, codec, region } = this.#deps;
    const { generation, watermark } = local;
    if (generation === null || watermark === null) return null;
    const kept = local.answer(name);
    if (kept === undefined || clock.nowMs() >= kept.expiresAtMs) return null;
    const session = this.#deps.openSession({ token: header, floor }, settings);
    const requirement: Requirement = {
      level: session.floor === null ? 'EVENTUAL' : 'SESSION',
      floor: session.floor,
      maxLagMs: null,
    };
    const { caching } = session.executor(requirement);
    const demand = caching?.demandNow() ?? null;
    if (demand === null || !mayServe(demand, { generation, watermark }, kept.asOf)) return null;
    if (caching?.hit(kept.seen, maxLsn(kept.asOf, watermark), kept.reads) !== true) return null;
    const report = session.report();
    const token = codec.encode(report.positions);
    const { cacheControl } = kept;
    if (header === undefined) return { body: kept.body, cacheControl, token };
    const extensions = JSON.stringify({
      consistency: consistencyOf({ token, level: requirement.level, region, report }),
    });
    return {
      body: `${kept.body.slice(0, -CLOSING.length)},"extensions":${bytesOf(extensions)}${CLOSING}`,
      cacheControl,
      token,
    };
  }
}

/** The bytes of an answer that has nothing but data. */
export function bytesOfData(data: unknown): string {
  return bytesOf(`{"data":${JSON.stringify(data)}${CLOSING}`);
}
