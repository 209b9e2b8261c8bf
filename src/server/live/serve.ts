/** Owns where subscriptions are served: beside queries at the one address of GraphQL, by WebSocket and over HTTP. */
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
import { errorOf, type LiveAsker, type LiveOperations, type LivePayload } from './operations.ts';
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

  /** Takes the upgrades of Node's server. */
  listen(app: FastifyInstance): void {
    app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const isOwn = isOfOwnPage(request.headers);
      const refusal = this.#whyNot(request, isOwn);
      if (refusal === null) {
        // As with `fetch`: a page of another origin has the browser's credentials only where it is allowed to.
        if (!isOwn && !this.#deps.limits.corsCredentials) for (const name of BROWSERS) delete request.headers[name];
        return this.#sockets.upgrade(request, socket, head);
      }
      // Node leaves the connection to whoever listens to upgrades, with its errors.
      socket.on('error', () => socket.destroy());
      socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
    });
  }

  /** Whether the request was answered as a stream; false: it is one for one answer. */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const framing = framingOf(request.headers.accept);
    const payload = request.body as LivePayload | null | undefined;
    if (framing === null || request.method !== 'POST' || typeof payload?.query !== 'string') return false;
    const isLive = this.#deps.operations.operationOf(payload)?.operation.operation === OperationTypeNode.SUBSCRIPTION;
    // Clients name the types of streams beside the usual ones, for whatever they send.
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
      // Nobody would end it any more. Without the word that it is complete, the client connects again.
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
      // Without the word that the operation is complete, so that the client connects again, with credentials that hold.
      end: () => request.raw.socket.destroy(),
    });
    await this.#send({ request, reply, framing, answers }).finally(stop);
    return true;
  }

  /** Ends every stream, so that clients connect again, to another server. */
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

/** What browsers send to a server by themselves, whichever page asks. */
const BROWSERS = ['cookie', 'authorization'] as const;

/** A browser names the page that opens the socket; other programs name none. */
function isOfOwnPage({ origin, host }: IncomingMessage['headers']): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

async function* only(result: LiveResult): AsyncGenerator<LiveResult, undefined> {
  yield result;
}
