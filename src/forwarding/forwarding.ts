/**
 * Owns the forwarding of one mutation: the decision, the request, the evaluation of its result and a limited number of
 * retries. A mutation is never sent twice unless that is safe.
 */
import { type MeridianError } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type ForwardedAnswer, type ForwardedMutation } from './envelope.ts';
import { FLOOR_HEADER, KEY_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type RegionView } from '../region/view.ts';
import { perSecond, type Log } from '../telemetry/log.ts';
import { type Metrics } from '../telemetry/metrics.ts';
import { traceFields } from '../telemetry/trace.ts';
import {
  afterFailure,
  forwardOutcomeUnknown,
  forwardUnconfirmed,
  mayHaveRun,
  notForwarded,
  tooLarge,
  tooMany,
  wayOf,
  type ForwardTransport,
  type ServerState,
} from './decision.ts';

/** The headers of a request that name positions. */
export interface SentTokens {
  readonly token: string | undefined;
  readonly floor: string | undefined;
}

export interface ForwardingOptions {
  readonly options: Pick<Options, 'writes' | 'forwardRetries' | 'maxErrorLogs'>;
  readonly view: Pick<RegionView, 'local' | 'primary' | 'reachable' | 'refresh'>;
  readonly server: (region: string) => ServerState;
  readonly transport: ForwardTransport;
  /**
   * Called with the token of each answer and the tokens that the mutation was sent with. Where they differ, the primary
   * has reached at least the answer's position.
   */
  readonly onAnswer: (token: string, sent: SentTokens) => void;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: Pick<Metrics, 'mutations' | 'forwardSeconds'>;
}

/** The result for a mutation: it has been answered, or must run here. */
export type Taken =
  | { readonly way: 'forwarded'; readonly answer: ForwardedAnswer }
  /**
   * `uncertain`: the region where an earlier attempt may have run, so that only an outcome stored in the database
   * proves whether it did.
   */
  | { readonly way: 'local' | 'direct'; readonly uncertain: string | null };

export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #mayLog: (failure: string) => boolean;

  constructor(options: ForwardingOptions) {
    this.#options = options;
    this.#mayLog = perSecond(options.options.maxErrorLogs);
  }

  /**
   * Forwards the mutation if necessary. Throws `PRIMARY_UNAVAILABLE` and `OVERLOADED` (nothing was written),
   * `WRITE_OUTCOME_UNKNOWN` or `WRITE_UNCONFIRMED`.
   */
  async take(mutation: ForwardedMutation): Promise<Taken> {
    try {
      const taken = await this.#take(mutation);
      this.#options.metrics.mutations.inc({ way: taken.way });
      return taken;
    } catch (error) {
      this.#options.metrics.mutations.inc({ way: 'refused' });
      throw error;
    }
  }

  async #take(mutation: ForwardedMutation): Promise<Taken> {
    const { options, view } = this.#options;
    const keyed = mutation.headers[KEY_HEADER] !== undefined;
    let uncertain: { readonly region: string; readonly why: string } | null = null;
    // Without a known primary the regions are examined once more before the mutation is rejected.
    if (view.primary === null && options.writes === 'forward') await view.refresh();
    for (let triesLeft = options.forwardRetries; ; triesLeft -= 1) {
      const way = this.#way();
      if (way.kind === 'refuse')
        throw uncertain === null ? notForwarded(way.why) : forwardUnconfirmed(uncertain.region, uncertain.why);
      if (way.kind !== 'forward') return { way: way.kind, uncertain: uncertain?.region ?? null };
      const { region } = way;
      const sent = await this.#send(region, mutation);
      if (sent.kind === 'answered') return { way: 'forwarded', answer: sent.answer };
      const { failure, why, detail } = sent;
      const next = afterFailure(failure, { mode: options.writes, keyed, triesLeft, uncertain: uncertain !== null });
      if (this.#mayLog(failure))
        this.#options.log.warn(
          { region, failure, next, detail, ...traceFields() },
          `A mutation could not be forwarded to region ${region}: ${why}.`,
        );
      if (mayHaveRun(failure)) uncertain ??= { region, why };
      if (next === 'direct') return { way: 'direct', uncertain: uncertain?.region ?? null };
      if (next === 'refuse' && failure === 'too large') throw tooLarge(region);
      if (next !== 'again') throw this.#refusal(next, region, uncertain?.why ?? why);
      await view.refresh();
    }
  }

  #way(): ReturnType<typeof wayOf> {
    const { options, view, server } = this.#options;
    const { local, primary } = view;
    return wayOf({
      mode: options.writes,
      local,
      primary,
      server: primary === null ? 'none' : server(primary),
      databaseReachable: primary !== null && view.reachable(primary),
    });
  }

  async #send(region: string, mutation: ForwardedMutation): ReturnType<ForwardTransport['send']> {
    const { transport, metrics, onAnswer } = this.#options;
    const stop = metrics.forwardSeconds.startTimer();
    const sent = await transport.send(region, mutation);
    stop({ outcome: sent.kind === 'answered' ? 'answered' : sent.failure });
    if (sent.kind === 'answered' && sent.answer.token !== null)
      onAnswer(sent.answer.token, { token: mutation.headers[TOKEN_HEADER], floor: mutation.headers[FLOOR_HEADER] });
    return sent;
  }

  #refusal(next: 'busy' | 'refuse' | 'unknown' | 'unconfirmed', region: string, why: string): MeridianError {
    switch (next) {
      case 'busy':
        return tooMany(region, why);
      case 'refuse':
        return notForwarded(why, { region });
      case 'unknown':
        return forwardOutcomeUnknown(region, why);
      case 'unconfirmed':
        return forwardUnconfirmed(region, why);
    }
  }
}
