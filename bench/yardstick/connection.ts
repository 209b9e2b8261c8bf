/** Owns one HTTP/1.1 connection of the load: one request at a time, and the answer as bytes. */
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: Buffer;
}

export interface ConnectionEvents {
  onAnswer(answer: HttpAnswer): void;
  /** The connection ended although an answer was due; it is open again. */
  onBreak(error: Error): void;
}

const HEAD_END = '\r\n\r\n';
const NEW_LINE = '\r\n';
const STATUS_FROM = 9;
const STATUS_TO = 12;

export class HttpConnection {
  readonly #url: URL;
  readonly #events: ConnectionEvents;
  #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #isWaiting = false;
  #isClosed = false;
  readonly #opened = Promise.withResolvers<void>();

  constructor(url: URL, events: ConnectionEvents) {
    this.#url = url;
    this.#events = events;
    this.#socket = this.#open();
  }

  /** Resolves when the connection has been open once. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** `text`: the whole request, in ASCII. */
  send(text: string): void {
    this.#isWaiting = true;
    this.#socket.write(text, 'latin1');
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    let failure = new Error('the server closed the connection');
    socket.once('connect', () => this.#opened.resolve());
    socket.on('error', (error) => (failure = error));
    socket.on('data', (chunk) => this.#take(chunk));
    socket.once('close', () => this.#closed(failure));
    return socket;
  }

  #closed(failure: Error): void {
    if (this.#isClosed) return;
    this.#received = Buffer.alloc(0);
    this.#socket = this.#open();
    // A server may close a connection that is at rest.
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#events.onBreak(failure);
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const body = bodyOf(head, this.#received.subarray(headEnd + HEAD_END.length));
    if (body === null) return;
    this.#received = Buffer.alloc(0);
    this.#isWaiting = false;
    this.#events.onAnswer({ status: Number(head.slice(STATUS_FROM, STATUS_TO)), head, body });
  }
}

/** Null while it is not whole. */
function bodyOf(head: string, rest: Buffer): Buffer | null {
  const length = headerOf(head, 'content-length');
  if (length !== null) return rest.length < Number(length) ? null : rest;
  return headerOf(head, 'transfer-encoding') === 'chunked' ? unchunked(rest) : rest;
}

function unchunked(rest: Buffer): Buffer | null {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf(NEW_LINE, at);
    if (lineEnd < 0) return null;
    const size = parseInt(rest.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + NEW_LINE.length;
    if (rest.length < from + size + NEW_LINE.length) return null;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(rest.subarray(from, from + size));
    at = from + size + NEW_LINE.length;
  }
}

const names = new Map<string, RegExp>();

/** `name` in lower case. Null where the answer does not have it. */
export function headerOf(head: string, name: string): string | null {
  let pattern = names.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i');
    names.set(name, pattern);
  }
  return pattern.exec(head)?.[1] ?? null;
}
