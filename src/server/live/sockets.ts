/**
 * Owns subscriptions over WebSocket: the protocol graphql-transport-ws, with tokens and credentials in the connection's
 * parameters.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { type Duplex } from 'node:stream';
import { CloseCode, makeServer, handleProtocols, type Context } from 'graphql-ws';
import { GraphQLError, parse, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { WebSocketServer, type WebSocket } from 'ws';
import { type BaseContext } from '@apollo/server';
import { isMeridianError, messageOf } from '../../base/errors.ts';
import { isDeeper } from '../../base/json-depth.ts';
import { jsonNumber } from '../../base/json.ts';
import { type Viewer } from '../../base/viewer.ts';
import { joinedHeader } from '../../consistency/token-cookies.ts';
import { type Options } from '../../config/options.ts';
import { type LiveResult } from '../../live/ports.ts';
import { KEY_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../../protocol/headers.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { tooDeep } from '../app.ts';
import { joinedHeaders, type Headers, type Viewers } from '../viewer.ts';
import { watchLife, type LifeLimits } from './life.ts';
import { errorOf, type LiveOperations, type LivePayload } from './operations.ts';

export type SocketLimits = LifeLimits &
  Pick<Options, 'liveSubscribersPerConnection' | 'livePingMs' | 'maxRequestBytes' | 'maxRequestDepth' | 'receiveMs'>;

export interface SocketsDeps<C extends BaseContext> {
  readonly operations: LiveOperations<C>;
  readonly schema: GraphQLSchema;
  readonly viewers: Viewers;
  readonly limits: SocketLimits;
  readonly telemetry: Telemetry;
}

/** The state of a connection. */
interface Connection {
  readonly socket: WebSocket;
  readonly upgrade: Headers;
  headers: Headers;
  viewer: Viewer | null;
  stop: () => void;
}

/** The parameters that a connection may give instead of headers, which browsers cannot set for a WebSocket. */
const PARAMETERS = ['authorization', TOKEN_HEADER, LEVEL_HEADER] as const;
const SERVICE_RESTART = 1012;

/** Rejects an operation by the protocol's error message. */
class Refused extends Error {
  readonly result: LiveResult;

  constructor(result: LiveResult) {
    super(result.errors?.[0]?.message ?? 'refused');
    this.result = result;
  }
}

export class Sockets<C extends BaseContext> {
  readonly #deps: SocketsDeps<C>;
  readonly #server: WebSocketServer;

  constructor(deps: SocketsDeps<C>) {
    this.#deps = deps;
    this.#server = new WebSocketServer({ noServer: true, maxPayload: deps.limits.maxRequestBytes, handleProtocols });
    const protocol = this.#protocol();
    this.#server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
      const upgrade = joinedHeaders(request.headers);
      const connection: Connection = { socket, upgrade, headers: upgrade, viewer: null, stop: () => undefined };
      const closed = protocol.opened(
        {
          protocol: socket.protocol,
          send: (text) => sent(socket, text),
          close: (code, reason) => socket.close(code, reason),
          onMessage: (take) =>
            socket.on('message', (data: Buffer) => {
              take(data.toString()).catch((error: unknown) => this.#failed(socket, error));
            }),
        },
        connection,
      );
      this.#keepAlive(socket);
      heedUnread(socket, request);
      socket.on('error', (error) => deps.telemetry.log.debug({ err: error }, 'a WebSocket failed'));
      socket.once('close', (code, reason) => {
        connection.stop();
        closed(code, reason.toString()).catch((error: unknown) => this.#failed(socket, error));
      });
    });
  }

  /** Takes over the connection from Node's server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (accepted) => this.#server.emit('connection', accepted, request));
  }

  /** Closes the connections, so that clients reconnect to another server. */
  close(): void {
    for (const socket of this.#server.clients) socket.close(SERVICE_RESTART, 'The server restarts');
  }

  /** Cuts connections that have not answered the close. */
  terminate(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  #protocol(): ReturnType<typeof makeServer<Record<string, unknown>, Connection>> {
    const { operations, schema } = this.#deps;
    return makeServer<Record<string, unknown>, Connection>({
      connectionInitWaitTimeout: this.#deps.limits.receiveMs,
      jsonMessageReviver: exactNumber as never,
      onConnect: (context) => this.#connect(context),
      onSubscribe: (context, _id, payload) => {
        const count = Object.keys(context.subscriptions).length;
        const most = this.#deps.limits.liveSubscribersPerConnection;
        if (count > most)
          return [
            refusalOf(
              'OVERLOADED',
              `The connection has ${most} subscriptions, which is the limit (liveSubscribersPerConnection); end one, or open another connection.`,
            ),
          ];
        if (isDeeper(payload, this.#deps.limits.maxRequestDepth))
          return tooDeep(this.#deps.limits.maxRequestDepth).errors.map(({ message, extensions }) =>
            refusalOf(extensions.code, message),
          );
        const found = operations.operationOf(payload);
        // Execution reports the error.
        const document = found?.document ?? UNREADABLE;
        const operationName = found === null ? undefined : payload.operationName;
        return {
          schema,
          document,
          ...(operationName == null ? {} : { operationName }),
          contextValue: { payload, connection: context.extra },
        };
      },
      subscribe: async ({ contextValue }) =>
        this.#subscribe(contextValue as Subscribed) as Promise<AsyncGenerator<ExecutionResult>>,
      execute: async ({ contextValue }) => this.#once(contextValue as Subscribed) as Promise<ExecutionResult>,
      onNext: (_context, _id, _payload, _args, result) => result as never,
      onError: (_context, _id, _payload, errors) =>
        errors
          .map((error) =>
            error.originalError instanceof Refused ? error.originalError.result.errors : [error.toJSON()],
          )
          .flat() as never,
    });
  }

  async #connect({ connectionParams = {}, extra }: Context<Record<string, unknown>, Connection>): Promise<boolean> {
    const given = Object.entries(connectionParams).map(([name, value]) => [name.toLowerCase(), value] as const);
    const named = new Map(given);
    const headers = { ...extra.upgrade };
    for (const name of PARAMETERS) {
      const value = named.get(name);
      if (typeof value === 'string') headers[name] = value;
    }
    extra.headers = headers;
    try {
      extra.viewer = await this.#deps.viewers.of({ headers });
    } catch (error) {
      extra.socket.close(CloseCode.Forbidden, reasonOf(error));
      return false;
    }
    // The client may have disconnected in the meantime.
    if (extra.socket.readyState !== extra.socket.OPEN) return false;
    extra.stop = watchLife({
      viewers: this.#deps.viewers,
      headers,
      viewer: extra.viewer,
      limits: this.#deps.limits,
      end: ({ kind, message }) =>
        extra.socket.close(kind === 'credentials' ? CloseCode.Forbidden : SERVICE_RESTART, shortened(message)),
    });
    return true;
  }

  async #subscribe({ payload, connection }: Subscribed): Promise<AsyncIterableIterator<LiveResult>> {
    try {
      return refusing(await this.#deps.operations.subscribe(payload, askerOf(payload, connection)));
    } catch (error) {
      return refusing(failed(errorOf(error)));
    }
  }

  async #once({ payload, connection }: Subscribed): Promise<LiveResult> {
    return this.#deps.operations.once(payload, askerOf(payload, connection));
  }

  #keepAlive(socket: WebSocket): void {
    let isAlive = true;
    const timer = setInterval(() => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      socket.ping();
    }, this.#deps.limits.livePingMs);
    socket.on('pong', () => {
      isAlive = true;
    });
    socket.once('close', () => clearInterval(timer));
  }

  #failed(socket: WebSocket, error: unknown): void {
    this.#deps.telemetry.log.error({ err: error }, 'unexpected error on a WebSocket');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  }
}

interface Subscribed {
  readonly payload: LivePayload;
  readonly connection: Connection;
}

const UNREADABLE = parse('subscription { __typename }');

function refusalOf(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/**
 * Stops reading from a client that does not read: otherwise the answers to its messages would accumulate without limit.
 */
function heedUnread(socket: WebSocket, { socket: connection }: IncomingMessage): void {
  const heed = (): void => {
    if (connection.writableNeedDrain) socket.pause();
  };
  socket.on('message', heed);
  socket.on('ping', heed);
  connection.on('drain', () => socket.resume());
}

/** Resolves when the text has been written or the socket is closed. */
function sent(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(text, () => resolve());
  });
}

/** The headers of one operation. Each operation may name newer positions than the connection's parameters. */
function askerOf(
  { extensions }: LivePayload,
  { headers, viewer }: Connection,
): { headers: Headers; viewer: Viewer | null; id: string } {
  const own = (extensions?.['headers'] ?? {}) as Readonly<Record<string, unknown>>;
  const told = [TOKEN_HEADER, LEVEL_HEADER, KEY_HEADER].flatMap((name) => {
    const value = own[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const named = Object.fromEntries(told);
  // A client that reconnects repeats its operations unchanged, so the connection's token may be newer.
  const token = joinedHeader(headers[TOKEN_HEADER], named[TOKEN_HEADER]);
  const asked = { ...headers, ...named, ...(token === undefined ? {} : { [TOKEN_HEADER]: token }) };
  return { headers: asked, viewer, id: randomUUID() };
}

/**
 * Ends the stream with the protocol's error message on an answer without data. It is not a generator, because a
 * generator would notice a disconnect only with its next answer.
 */
function refusing(answers: AsyncIterableIterator<LiveResult, undefined>): AsyncIterableIterator<LiveResult> {
  return {
    next: async () => {
      const step = await answers.next();
      if (step.done !== true && step.value.data === undefined) throw new Refused(step.value);
      return step;
    },
    return: async () => (await answers.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* failed(error: ReturnType<typeof errorOf>): AsyncGenerator<LiveResult, undefined> {
  yield { errors: [error] };
}

/** Numbers keep their digits, as in request bodies. */
function exactNumber(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? jsonNumber(context.source) : value;
}

function reasonOf(error: unknown): string {
  return shortened(isMeridianError(error) ? error.message : messageOf(error));
}

/** The reason of a close frame is limited to 123 bytes. */
function shortened(text: string): string {
  return Buffer.from(text)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD+$/, '');
}
