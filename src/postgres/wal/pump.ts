/** Owns the way from what the stream sent to what is applied: one by one, in order, with a bound on what may wait. */
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
  /** Told to stop and to go on reading from the server. */
  readonly onPressure: (high: boolean) => void;
  /** Everything that had arrived is applied. */
  readonly onDrained: (appliedLsn: Lsn) => void;
  readonly onError: (error: unknown) => void;
}

/** Each waiting message costs at least this much, whatever it carries. */
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

  /** Everything up to here is applied: the only position that may be acknowledged. */
  get applied(): Lsn {
    return this.#applied;
  }

  get pressure(): boolean {
    return this.#pressure;
  }

  /** Nothing is applied before `ready`, and nothing at all when it rejects. */
  open(ready: Promise<void>): void {
    this.#ready = ready;
    // Told at once: on an idle server nothing may come for long that would wait for it.
    ready.catch((error: unknown) => this.#parts.onError(error));
  }

  push(item: Decoded): void {
    this.#queue.push(item);
    this.#bytes += costOf(item);
    this.#run();
  }

  /**
   * A keepalive: the server has decoded everything up to `lsn` and has sent what of it is published, before this. A
   * commit that it is still sending lies above. So once the queue before it is applied, so is everything up to `lsn`.
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
      // Taken as a whole and walked through, since shifting a long array one by one is quadratic.
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
      // Applied is applied, even when the session ends meanwhile: the last acknowledgement then spares a repetition.
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
