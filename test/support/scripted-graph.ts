/**
 * Owns a GraphQL endpoint that says what a test tells it to: for what real servers do seldom, and gateways of others do
 * at all.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly query: string;
  /** The token header as it came; undefined where there was none. */
  readonly token: string | undefined;
  readonly key: string | undefined;
}

export interface Reply {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** Parts of a multipart answer instead of a body. */
  readonly parts?: readonly unknown[];
  /** Breaks the connection off without an answer. */
  readonly breaks?: boolean;
}

export interface ScriptedGraph extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
}

const LIMIT_BYTES = 1_000_000;

/** `reply` is asked for each request, with its number from 0. */
export async function startScriptedGraph(
  reply: (asked: Asked, number: number) => Reply | Promise<Reply>,
): Promise<ScriptedGraph> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(0, LIMIT_BYTES)));
    request.once('end', () => {
      const { headers } = request;
      const header = (name: string): string | undefined =>
        typeof headers[name] === 'string' ? headers[name] : undefined;
      const one: Asked = {
        headers,
        query: text === '' ? '' : String((JSON.parse(text) as { query?: unknown }).query),
        token: header('consistency-token'),
        key: header('idempotency-key'),
      };
      asked.push(one);
      void Promise.resolve(reply(one, asked.length - 1)).then((said) => answer(response, said));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, { body, headers = {}, status = 200, parts, breaks = false }: Reply): void {
  if (breaks) {
    response.socket?.destroy();
    return;
  }
  if (parts === undefined) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    return;
  }
  response.writeHead(status, { 'content-type': 'multipart/mixed; boundary="-"; deferSpec=20220824', ...headers });
  const rest = [...parts];
  const next = (): void => {
    const part = rest.shift();
    if (part === undefined) response.end('\r\n-----\r\n');
    else
      response.write(`\r\n---\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(part)}`, () =>
        setTimeout(next, 20),
      );
  };
  next();
}
