/**
 * Owns the messages of one client: each is sent once, a slow client gets the latest one, and nothing follows the end.
 */
import { type LiveResult } from './ports.ts';

/** One answer. `body` is its data and errors as text, used to compare answers. */
export interface LiveMessage {
  readonly body: string;
  readonly result: LiveResult;
}

export class Subscriber implements AsyncIterableIterator<LiveResult, undefined> {
  readonly #leave: () => void;
  readonly #sent: () => void;
  /** The body of the last message taken. */
  #last: string | null = null;
  #pending: LiveMessage | null = null;
  #hasEnded = false;
  #wake: (() => void) | null = null;

  /**
   * `leave` is called once, when the client has disconnected or the stream has ended; `sent` is called for each message
   * taken.
   */
  constructor(leave: () => void, sent: () => void = () => undefined) {
    this.#leave = leave;
    this.#sent = sent;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Replaces a message that has not been taken yet, so a slow client gets the latest answer. */
  offer(message: LiveMessage): void {
    if (this.#hasEnded) return;
    this.#pending = message.body === this.#last ? null : message;
    if (this.#pending !== null) this.#awake();
  }

  /** Ends the stream, after a last message if there is one. */
  end(last?: LiveResult): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (last !== undefined) this.#pending = { body: '', result: last };
    this.#awake();
    this.#leave();
  }

  async next(): Promise<IteratorResult<LiveResult, undefined>> {
    while (this.#pending === null && !this.#hasEnded)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#pending === null) return { done: true, value: undefined };
    const { body, result } = this.#pending;
    this.#pending = null;
    this.#last = body;
    this.#sent();
    return { done: false, value: result };
  }

  /** Called when the client has disconnected. */
  async return(): Promise<IteratorResult<LiveResult, undefined>> {
    this.#pending = null;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
