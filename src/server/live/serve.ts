/** Owns the endpoint of subscriptions: GraphQL's own path, by WebSocket and over HTTP. */
import { type IncomingMessage } from 'node:http';
import { type Duplex } from 'node:stream';
import { type BaseContext } from '@apollo/server';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { OperationTypeNode, type GraphQLSchema } from 'graphql';
import { listed } from '../../config/option.ts';
import { type Viewer } from '../../base/viewer.ts';
import { type Options } from '../../config/options.ts';
import { type LiveResult } from '../../live/ports.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { acceptedType } from '../accept.ts';
import { GRAPHQL_PATH } from '../requests.ts';
import { joinedHeaders, type Viewers } from '../viewer.ts';
import { watchLife } from './life.ts';
import { errorOf, type LiveAsker, type LiveOperations } from './operations.ts';
import { Sockets, type SocketLimits } from './sockets.ts';
import { EVENTS, framingOf, stream, type Framing } from './streams.ts';

export type LiveHttpLimits = SocketLimits & Pick<Options, 'corsOrigins' | 'corsCredentials'>;

export interface LiveServerDeps<C extends BaseContext> {
  readonly operations: LiveOperations<C>;
  readonly schema: GraphQLSchema;
  readonly viewers: Viewers;
  readonly limits: LiveHttpLimits;
  readonly telemetry: Telemetry;
  readonly draining: () => boolean;
}

export class LiveServer<C extends BaseContext> {
  readonly #deps: LiveServerDeps<C>;
  readonly #sockets: Sockets<C>;
  readonly #streams = new Set<FastifyRequest>();
  #isClosed = false;

  constructor(deps: LiveServerDeps<C>) {
    this.#deps = deps;
    this.#sockets = new Sockets(deps);
  }

  /** Handles the upgrade requests of Node's server. */
  listen(app: FastifyInstance): void {
    app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const isOwn = isOfOwnPage(request.headers);
      const refusal = this.#whyNot(request, isOwn);
      if (refusal === null) {
        // As with `fetch`, a page of another origin may use the browser's credentials only if this is allowed.
        if (!isOwn && !this.#deps.limits.corsCredentials) for (const name of BROWSERS) delete request.headers[name];
        return this.#sockets.upgrade(request, socket, head);
      }
      // Node leaves the connection and its errors to the listener of `upgrade`.
      socket.on('error', () => socket.destroy());
      socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
    });
  }

  /** Answers the request as a stream. Returns false for a request that expects a single answer. */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const framing = framingOf(request.headers.accept);
    if (framing === null || request.method !== 'POST') return false;
    const payload = await this.#deps.operations.payloadOf(request.body);
    if (payload === null) return false;
    const isLive = this.#deps.operations.operationOf(payload)?.operation.operation === OperationTypeNode.SUBSCRIPTION;
    // Clients list the media types of streams besides the usual ones for any operation.
    if (!isLive && (framing !== EVENTS || acceptedType(request.headers.accept) !== null)) return false;
    const headers = joinedHeaders(request.headers);
    let viewer: Viewer | null;
    try {
      viewer = await this.#deps.viewers.of({ headers });
    } catch (error) {
      await this.#send({ request, reply, framing, answers: only({ errors: [errorOf(error)] }) });
      return true;
    }
    const asker: LiveAsker = { headers, viewer, id: request.id };
    const answers = isLive
      ? await this.#deps.operations
          .subscribe(payload, asker)
          .catch((error: unknown) => only({ errors: [errorOf(error)] }))
      : only(await this.#deps.operations.once(payload, asker));
    if (isLive && this.#isClosed) {
      // The server has closed, so nothing would end this stream. The connection is cut without a complete message, so
      // that the client reconnects.
      await answers[Symbol.asyncDispose]();
      reply.hijack();
      request.raw.socket.destroy();
      return true;
    }
    const stop = watchLife({
      viewers: this.#deps.viewers,
      headers,
      viewer,
      limits: this.#deps.limits,
      // The connection is cut without a complete message, so that the client reconnects with valid credentials.
      end: () => request.raw.socket.destroy(),
    });
    await this.#send({ request, reply, framing, answers }).finally(stop);
    return true;
  }

  /** Ends every stream, so that clients reconnect to another server. */
  close(): void {
    this.#isClosed = true;
    this.#sockets.close();
    for (const { raw } of this.#streams) raw.socket.destroy();
    this.#deps.operations.queries.close();
  }

  terminate(): void {
    this.#sockets.terminate();
  }

  async #send(parts: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly framing: Framing;
    readonly answers: AsyncIterableIterator<LiveResult, undefined>;
  }): Promise<void> {
    this.#streams.add(parts.request);
    try {
      await stream({ ...parts, signEveryMs: this.#deps.limits.livePingMs });
    } finally {
      this.#streams.delete(parts.request);
    }
  }

  #whyNot({ url = '', headers: { origin } }: IncomingMessage, isOwn: boolean): string | null {
    if (url.split('?', 1)[0] !== GRAPHQL_PATH) return '404 Not Found';
    if (this.#deps.draining()) return '503 Service Unavailable';
    const allowed = listed(this.#deps.limits.corsOrigins);
    return isOwn || allowed.includes('*') || allowed.includes(origin ?? '') ? null : '403 Forbidden';
  }
}

/** Headers that browsers send to a server automatically, for a page of any origin. */
const BROWSERS = ['cookie', 'authorization'] as const;

/** Browsers send the origin of the page that opens the socket; other programs send none. */
function isOfOwnPage({ origin, host }: IncomingMessage['headers']): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

async function* only(result: LiveResult): AsyncGenerator<LiveResult, undefined> {
  yield result;
}
