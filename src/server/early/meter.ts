/** Owns the metrics and the log line of requests that are answered early, equal to those of other requests. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { traceOf } from '../../telemetry/trace.ts';
import { GRAPHQL_PATH } from '../requests.ts';

const ROUTE = { method: 'POST', route: GRAPHQL_PATH };

export class EarlyMeter {
  readonly #telemetry: Telemetry;

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  answered(startedMs: number, request: Pick<IncomingMessage, 'headers'>): void {
    const { metrics } = this.#telemetry;
    const tookMs = performance.now() - startedMs;
    metrics.operations.inc({ type: 'query' });
    metrics.operationSeconds.observe({ type: 'query' }, tookMs / 1_000);
    this.#ended('200', tookMs, request);
  }

  /** The client disconnected before it was answered and before the request was handed on. */
  left(startedMs: number, request: Pick<IncomingMessage, 'headers'>): void {
    this.#ended('aborted', performance.now() - startedMs, request);
  }

  #ended(status: string, tookMs: number, { headers }: Pick<IncomingMessage, 'headers'>): void {
    const { metrics, log } = this.#telemetry;
    metrics.httpRequests.inc({ ...ROUTE, status });
    metrics.httpSeconds.observe(ROUTE, tookMs / 1_000);
    if (log.isLevelEnabled('debug'))
      log.debug(
        { requestId: randomUUID(), ...ROUTE, status, tookMs, ...traceOf(headers['traceparent']?.toString()) },
        'answered',
      );
  }
}
