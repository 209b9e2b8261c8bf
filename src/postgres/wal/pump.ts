/**
 * Owns the queue between the stream and the handlers: items are applied one at a time and in order, and the queue is
 * bounded.
 */
import { type Lsn } from '../../base/lsn.ts';
import { type ChangeHandlers } from '../../change/ports.ts';
import { type Decoded } from './decode.ts';
import { type VisibilityGate } from './gate.ts';

type Item = Decoded | { readonly kind: 'progress'; lsn: Lsn };

export interface PumpParts {
  readonly handlers: ChangeHandlers;
  readonly gate: VisibilityGate;
  readonly startLsn: Lsn;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Called to pause and to resume reading from the server. */
  readonly onPressure: (high: boolean) => void;
  /** Called when everything that has arrived is applied. */
  readonly onDrained: (appliedLsn: Lsn) => void;
  readonly onError: (error: unknown) => void;
}

/** Minimum cost of an item in the queue, whatever it contains. */
const ITEM_BYTES = 256;

export class TailPump {
  readonly #parts: PumpParts;
  #queue: Item[] = [];
  #bytes = 0;
  #applied: Lsn;
  #ready: Promise<void> = Promise.resolve();
  #busy = false;
  #pressure = false;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#applied = parts.startLsn;
  }

  /** Everything up to this position is applied; no higher position may be acknowledged. */
  get applied(): Lsn {
    return this.#applied;
  }

  get pressure(): boolean {
    return this.#pressure;
  }

  /** Nothing is applied before `ready` resolves, and nothing at all if it rejects. */
  open(ready: Promise<void>): void {
    this.#ready = ready;
    // Reported at once: on an idle server it may take long until an item arrives whose application would report it.
    ready.catch((error: unknown) => this.#parts.onError(error));
  }

  push(item: Decoded): void {
    this.#queue.push(item);
    this.#bytes += costOf(item);
    this.#run();
  }

  /**
   * A keepalive: the server has decoded everything up to `lsn`, and has already sent what is published of it. A commit
   * that it is still sending lies above `lsn`. So once the queue before the keepalive is applied, everything up to
   * `lsn` is applied.
   */
  progress(lsn: Lsn): void {
    const last = this.#queue.at(-1);
    if (last?.kind === 'progress') last.lsn = lsn > last.lsn ? lsn : last.lsn;
    else {
      this.#queue.push({ kind: 'progress', lsn });
      this.#bytes += ITEM_BYTES;
    }
    this.#run();
  }

  #run(): void {
    this.#weigh();
    if (this.#busy) return;
    this.#busy = true;
    this.#drain().then(
      () => {
        this.#busy = false;
        this.#parts.onDrained(this.#applied);
      },
      (error: unknown) => this.#parts.onError(error),
    );
  }

  async #drain(): Promise<void> {
    await this.#ready;
    while (this.#queue.length > 0 && !this.#parts.signal.aborted) {
      // The queue is taken as a whole, since removing items from the front of a long array one by one is quadratic.
      const batch = this.#queue;
      this.#queue = [];
      for (const item of batch) {
        if (!(await this.#apply(item))) return;
        this.#bytes -= costOf(item);
        this.#weigh();
      }
    }
  }

  async #apply(item: Item): Promise<boolean> {
    const { handlers, gate, signal } = this.#parts;
    if (item.kind === 'transaction') {
      const { commitLsn } = item.transaction;
      if (!(await gate.pass(item.xid, commitLsn, signal))) return false;
      await handlers.onTransaction(item.transaction);
      // The transaction is applied even if the session ends meanwhile; acknowledging it saves a repetition.
      this.#moveTo(commitLsn);
      if (signal.aborted) return false;
    } else if (item.kind === 'heartbeat') {
      if (!(await gate.pass(null, item.heartbeat.lsn, signal))) return false;
      this.#moveTo(item.heartbeat.lsn);
      handlers.onHeartbeat(item.heartbeat);
    } else if (item.lsn > this.#applied) {
      if (!(await gate.pass(null, item.lsn, signal))) return false;
      this.#moveTo(item.lsn);
      handlers.onProgress?.(item.lsn);
    }
    return true;
  }

  #moveTo(lsn: Lsn): void {
    if (lsn > this.#applied) this.#applied = lsn;
  }

  #weigh(): void {
    const high = this.#pressure ? this.#bytes > this.#parts.maxBytes / 2 : this.#bytes > this.#parts.maxBytes;
    if (high === this.#pressure) return;
    this.#pressure = high;
    this.#parts.onPressure(high);
  }
}

function costOf(item: Item): number {
  return item.kind === 'transaction' ? ITEM_BYTES + item.bytes : ITEM_BYTES;
}
