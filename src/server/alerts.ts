/** Owns the delivery of alerts to the log, the metrics, and a webhook that can neither stop nor delay the server. */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type Alert } from '../region/view.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';

export interface AlertSink {
  raised(alert: Alert): void;
  cleared(alert: Alert): void;
  /** Discards the events that the webhook has not accepted yet. */
  close(): Promise<void>;
}

export interface AlertSettings {
  /** The region whose server reports. Every region observes the others, so several may report the same alert. */
  readonly region: string;
  readonly options: Pick<Options, 'alertWebhook' | 'alertWebhookMs' | 'alertWebhookTries' | 'alertQueue'>;
  readonly telemetry: Telemetry;
}

/** The body of a POST. Times are ISO 8601. */
interface AlertEvent {
  readonly event: 'raised' | 'cleared';
  readonly region: string;
  readonly kind: Alert['kind'];
  readonly message: string;
  readonly since: string;
  readonly at: string;
  readonly reportedBy: string;
}

const RETRY = { firstMs: 250, maxMs: 5_000 };

export function createAlertSink({ region, options, telemetry }: AlertSettings): AlertSink {
  const { log, metrics } = telemetry;
  const webhook = options.alertWebhook === '' ? null : new Webhook(options, telemetry);
  const pass = (event: AlertEvent['event'], alert: Alert): void => {
    metrics.alertsActive.set({ region: alert.region, kind: alert.kind }, event === 'raised' ? 1 : 0);
    webhook?.post({
      event,
      region: alert.region,
      kind: alert.kind,
      message: alert.message,
      since: new Date(alert.sinceMs).toISOString(),
      at: new Date().toISOString(),
      reportedBy: region,
    });
  };
  return {
    raised(alert) {
      metrics.alerts.inc({ region: alert.region, kind: alert.kind });
      log.warn({ alert }, `alert raised: ${alert.message}`);
      pass('raised', alert);
    },
    cleared(alert) {
      log.info({ alert }, `alert cleared: ${alert.message}`);
      pass('cleared', alert);
    },
    close: async () => webhook?.close(),
  };
}

/** Posts events one after another, so that "cleared" never overtakes its "raised". */
class Webhook {
  readonly #options: AlertSettings['options'];
  readonly #telemetry: Telemetry;
  readonly #queue: AlertEvent[] = [];
  readonly #stop = new AbortController();
  #posting: Promise<void> | null = null;

  constructor(options: AlertSettings['options'], telemetry: Telemetry) {
    this.#options = options;
    this.#telemetry = telemetry;
  }

  post(event: AlertEvent): void {
    if (this.#stop.signal.aborted) return;
    if (this.#queue.length >= this.#options.alertQueue) {
      this.#queue.shift();
      this.#telemetry.metrics.alertPosts.inc({ outcome: 'dropped' });
      this.#telemetry.log.warn(
        { alertQueue: this.#options.alertQueue },
        'the alert webhook is too slow: its oldest alert is dropped',
      );
    }
    this.#queue.push(event);
    this.#posting ??= this.#drain();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#posting;
  }

  async #drain(): Promise<void> {
    for (let event = this.#queue.shift(); event && !this.#stop.signal.aborted; event = this.#queue.shift()) {
      const sent = await this.#deliver(event);
      this.#telemetry.metrics.alertPosts.inc({ outcome: sent ? 'sent' : 'failed' });
    }
    // Set synchronously after the last look at the queue: otherwise an alert posted in between would wait for the next
    // one.
    this.#posting = null;
  }

  async #deliver(event: AlertEvent): Promise<boolean> {
    const backoff = new Backoff(RETRY);
    for (;;) {
      const failure = await this.#try(event);
      if (failure === null) return true;
      if (this.#stop.signal.aborted) return false;
      const { tries } = backoff;
      if (tries + 1 >= this.#options.alertWebhookTries) {
        // The URL may contain a secret, so the log names the option instead.
        this.#telemetry.log.error({ event, tries: tries + 1, failure }, 'alertWebhook did not take an alert');
        return false;
      }
      await sleep(backoff.nextMs(), this.#stop.signal);
    }
  }

  /** Sends one POST. Returns null if it was accepted, else the reason. */
  async #try(event: AlertEvent): Promise<string | null> {
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.alertWebhookMs)]);
      const response = await fetch(this.#options.alertWebhook, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
        signal,
      });
      await response.body?.cancel();
      return response.ok ? null : `it answered ${response.status}`;
    } catch (error) {
      return messageOf(error);
    }
  }
}
