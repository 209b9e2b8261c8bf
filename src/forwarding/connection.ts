/**
 * Owns one connection to another region's server. It is proven before it is used, closed when it breaks, and reports
 * whether any byte of a request may have been sent.
 */
import { Client, type Dispatcher } from 'undici';

export interface ConnectionOptions {
  readonly origin: string;
  readonly connectMs: number;
  /** How long it stays open while it is idle. */
  readonly idleMs: number;
  readonly maxAnswerBytes: number;
}

export interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Time limit until the complete answer has arrived, milliseconds. */
  readonly limitMs: number;
}

export type Exchanged =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly body: string;
    }
  /**
   * `sent`: whether a byte may have been sent. `why`: a part of a sentence. `detail`: only for the log, because it
   * contains addresses.
   */
  | {
      readonly kind: 'failed';
      readonly sent: boolean;
      readonly cause: 'late' | 'large' | 'broken';
      readonly why: string;
      readonly detail?: string;
    };

interface State {
  sent: boolean;
  expired: boolean;
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  controller: Dispatcher.DispatchController | null;
}

class NotProven extends Error {}
class Late extends Error {}

export class Connection {
  readonly #client: Client;
  readonly #options: ConnectionOptions;
  #proven = false;
  #heardAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { origin, connectMs, idleMs, maxAnswerBytes } = options;
    // The whole exchange has a time limit, below. The server's keep-alive hint must not extend ours.
    this.#client = new Client(origin, {
      pipelining: 1,
      connect: { timeout: connectMs },
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: maxAnswerBytes,
    });
    this.#client.on('disconnect', () => (this.#proven = false));
  }

  /** Whether the other end has answered and nothing has failed since; otherwise the connection must be closed. */
  get proven(): boolean {
    return this.#proven;
  }

  /** When the other end last answered, on the monotonic clock, milliseconds. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /**
   * Opens the connection if it is new, and sends a probe request. An open connection proves little: a load balancer or
   * tunnel accepts it even if no server is behind it, and then loses the request.
   */
  async prove(path: string): Promise<Exchanged> {
    const answer = await this.#exchange({ method: 'GET', path, limitMs: this.#options.connectMs }, true);
    // A server that answers every request with 200 is not a Meridian server.
    this.#proven = answer.kind === 'answer' && answer.status === 204;
    return answer;
  }

  /**
   * Sends nothing unless the connection is proven: the HTTP client would otherwise open another connection by itself.
   */
  send(exchange: Exchange): Promise<Exchanged> {
    return this.#exchange(exchange, false);
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }

  #exchange({ limitMs, ...request }: Exchange, proof: boolean): Promise<Exchanged> {
    const { promise, resolve } = Promise.withResolvers<Exchanged>();
    const state: State = { sent: false, expired: false, status: 0, headers: {}, controller: null };
    const chunks: Buffer[] = [];
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      this.#proven = false;
      resolve({ kind: 'failed', sent: state.sent, ...causeOf(error, limitMs) });
    };
    const timer = setTimeout(() => {
      // Before the connection is open nothing can be aborted: the request ends unsent when its turn comes.
      state.expired = true;
      const late = new Late();
      state.controller?.abort(late);
      fail(late);
    }, limitMs);
    this.#client.dispatch(
      { ...request, headers: { ...request.headers } },
      {
        // Called before the first byte is written, with the socket that will be used.
        onRequestStart: (controller) => {
          if (state.expired) return controller.abort(new Late());
          if (!proof && !this.#proven) return controller.abort(new NotProven());
          state.sent = true;
          state.controller = controller;
        },
        onResponseStart: (_controller, status, headers) => {
          state.status = status;
          state.headers = headers;
        },
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd: () => {
          clearTimeout(timer);
          this.#heardAtMs = performance.now();
          resolve({
            kind: 'answer',
            status: state.status,
            headers: state.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        },
        onResponseError: (_controller, error) => fail(error),
      },
    );
    return promise;
  }
}

function causeOf(
  error: unknown,
  limitMs: number,
): { cause: 'late' | 'large' | 'broken'; why: string; detail?: string } {
  if (error instanceof Late) return { cause: 'late', why: `it did not answer within ${limitMs} ms` };
  if (error instanceof NotProven) return { cause: 'broken', why: 'the connection had been lost' };
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
    return { cause: 'large', why: 'its answer was larger than forwardAnswerBytes' };
  return { cause: 'broken', why: 'the connection broke', detail: message || code || String(error) };
}
