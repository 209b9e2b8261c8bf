/** Owns a small HTTP receiver for tests: it keeps what it was sent and answers as told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  /** Resolves when that many requests have come; throws after five seconds. */
  until(count: number): Promise<void>;
}

export interface Reply {
  readonly status?: number;
  readonly body?: string;
  /** Milliseconds before the answer. */
  readonly afterMs?: number;
}

/** Listens on a free port; `answer` gets each request and its number, from 0. */
export async function startReceiver(answer: (request: Received, index: number) => Reply): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (body += chunk))
      .on('end', () => {
        const index =
          received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }) - 1;
        const { status = 200, body: answered = '', afterMs = 0 } = answer(received[index] as Received, index);
        setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end(answered), afterMs);
        for (const check of waiting) check();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    until: (count) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${received.length} of ${count} requests came within 5 s`)),
          5_000,
        );
        const check = (): void => {
          if (received.length < count) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
