/** Owns clients of live queries for tests: what each has been sent, in order, over SSE or WebSocket. */
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { until } from './observe.ts';

export interface LiveMessage {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
  readonly extensions?: { readonly consistency?: { readonly token: string; readonly region: string } };
  /** By the clock of the process, milliseconds. */
  readonly atMs: number;
}

export interface Watcher extends AsyncDisposable {
  readonly messages: readonly LiveMessage[];
  readonly hasEnded: boolean;
  /** Whether the server said that the operation is complete. */
  readonly isComplete: boolean;
  /** What ended it in place of a message. */
  readonly error: unknown;
  /** Waits for the next message after the first `count`. */
  message(count: number): Promise<LiveMessage>;
}

interface Asked {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

abstract class Watching implements Watcher {
  readonly messages: LiveMessage[] = [];
  hasEnded = false;
  isComplete = false;
  error: unknown = null;

  async message(count: number): Promise<LiveMessage> {
    await until(`message ${count + 1}`, () => this.messages.length > count || this.hasEnded);
    const found = this.messages[count];
    if (found === undefined)
      throw new Error(`the stream ended after ${this.messages.length} messages: ${String(this.error)}`);
    return found;
  }

  protected took(text: string): void {
    this.messages.push({ ...(JSON.parse(text) as LiveMessage), atMs: performance.now() });
  }

  abstract [Symbol.asyncDispose](): Promise<void>;
}

/** GraphQL over SSE, distinct connections. */
export class EventWatcher extends Watching {
  readonly #left = new AbortController();
  readonly #read: Promise<void>;
  status = 0;

  constructor(url: string, asked: Asked) {
    super();
    this.#read = this.#follow(url, asked).catch((error: unknown) => {
      this.error = error;
      this.hasEnded = true;
    });
  }

  async #follow(url: string, { query, variables, headers }: Asked): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
      signal: this.#left.signal,
    });
    this.status = response.status;
    let rest = '';
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (rest + text).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        if (event.startsWith('event: next\n')) this.took(event.slice('event: next\ndata: '.length));
        if (event.startsWith('event: complete')) this.isComplete = true;
      }
    }
    this.hasEnded = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.abort();
    await this.#read;
  }
}

/** GraphQL over WebSocket, by the client library that others use. */
export class SocketWatcher extends Watching {
  readonly #client: ReturnType<typeof createClient>;
  readonly #stop: () => void;

  constructor(url: string, { query, variables, headers }: Asked) {
    super();
    this.#client = createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...(headers === undefined ? {} : { connectionParams: headers }),
    });
    this.#stop = this.#client.subscribe(
      { query, ...(variables === undefined ? {} : { variables }) },
      {
        next: (message) => this.took(JSON.stringify(message)),
        error: (error) => {
          this.error = error;
          this.hasEnded = true;
        },
        complete: () => {
          this.isComplete = true;
          this.hasEnded = true;
        },
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#client.dispose();
  }
}
