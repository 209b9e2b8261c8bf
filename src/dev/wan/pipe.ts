/** Owns one direction of one connection over the simulated WAN: bytes leave in their order, each after its delay. */
import { type Socket } from 'node:net';

/** Maximum bytes in transit in one direction; beyond it the sender waits, as with a full network. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
const END = Symbol('end');
const RESET = Symbol('reset');

interface Chunk {
  readonly dueMs: number;
  readonly content: Buffer | typeof END | typeof RESET;
}

export interface PipeOptions {
  readonly source: Socket;
  readonly sink: Socket;
  /** One-way delay of the next bytes, milliseconds. */
  readonly delayMs: () => number;
  /** Nothing is sent before this moment (monotonic milliseconds): the connection must be opened first. */
  readonly openAtMs: number;
  readonly onBytes: (count: number) => void;
}

// Node's timers have a resolution of a millisecond; the rest is slept synchronously here. The simulated WAN has its own
// thread, so a sleep of under a millisecond blocks nothing else, and unlike a busy wait it uses no processor.
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const LATE_ENOUGH_MS = 0.05;

export class Pipe {
  readonly #options: PipeOptions;
  #chunks: Chunk[] = [];
  #head = 0;
  #bytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #frozen = false;
  #draining = false;
  #ended = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    const { source, sink } = options;
    source.on('data', (chunk: Buffer) => {
      options.onBytes(chunk.length);
      this.#send(chunk);
    });
    source.once('end', () => this.#send(END));
    source.once('close', () => this.#send(RESET));
    sink.on('drain', () => {
      this.#draining = false;
      this.#deliver();
    });
  }

  /** Stops delivery; bytes in transit stay where they are. */
  freeze(): void {
    this.#frozen = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #send(content: Chunk['content']): void {
    if (this.#ended) return;
    if (typeof content === 'symbol') this.#ended = true;
    else this.#bytes += content.length;
    const nowMs = performance.now();
    // Never before the previous chunk: jitter changes the times of bytes, not their order.
    this.#lastDueMs = Math.max(this.#lastDueMs, Math.max(nowMs, this.#options.openAtMs) + this.#options.delayMs());
    this.#chunks.push({ dueMs: this.#lastDueMs, content });
    if (this.#bytes > IN_FLIGHT_BYTES) this.#options.source.pause();
    if (this.#timer === undefined) this.#deliver();
  }

  #deliver(): void {
    this.#timer = undefined;
    if (this.#frozen || this.#draining) return;
    const waitMs = (this.#chunks[this.#head]?.dueMs ?? 0) - performance.now();
    if (waitMs >= 1) return this.#wake(Math.floor(waitMs));
    if (waitMs > LATE_ENOUGH_MS) Atomics.wait(sleeper, 0, 0, waitMs);
    const nowMs = performance.now() + LATE_ENOUGH_MS;
    for (
      let chunk = this.#chunks[this.#head];
      chunk !== undefined && chunk.dueMs <= nowMs;
      chunk = this.#chunks[this.#head]
    ) {
      this.#head += 1;
      if (!this.#hand(chunk.content)) break;
    }
    this.#forget();
    const next = this.#chunks[this.#head];
    // Through the timer even if it is due already: one sleep per turn, so that a bulk stream does not delay others.
    if (next !== undefined && !this.#draining) this.#wake(Math.max(0, Math.floor(next.dueMs - performance.now())));
  }

  #wake(inMs: number): void {
    this.#timer = setTimeout(() => this.#deliver(), inMs);
  }

  /** Hands one chunk to the sink; false if the sink is full and 'drain' continues. */
  #hand(content: Chunk['content']): boolean {
    const { source, sink } = this.#options;
    if (content === END) sink.end();
    else if (content === RESET) sink.resetAndDestroy();
    else {
      this.#bytes -= content.length;
      if (this.#bytes < IN_FLIGHT_BYTES / 2 && source.isPaused()) source.resume();
      // Resets the connection, as a host does for a connection that it does not know.
      if (sink.destroyed) source.resetAndDestroy();
      else if (sink.writable && !sink.write(content)) this.#draining = true;
    }
    return !this.#draining;
  }

  /** Delivered chunks are removed in bulk, which keeps the cost of a long stream linear. */
  #forget(): void {
    if (this.#head === this.#chunks.length) this.#chunks = [];
    else if (this.#head > 1_024) this.#chunks = this.#chunks.slice(this.#head);
    else return;
    this.#head = 0;
  }
}
