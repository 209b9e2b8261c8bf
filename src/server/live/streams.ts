/**
 * Owns subscriptions over HTTP: answers are sent as events (GraphQL over SSE, distinct connections) or as parts of one
 * body (Apollo's multipart protocol) until the client disconnects.
 */
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type LiveResult } from '../../live/ports.ts';

/** The format of one protocol's messages. */
export interface Framing {
  readonly contentType: string;
  readonly begin: string;
  message(result: LiveResult): string;
  /** A heartbeat, so that proxies do not close an idle connection. */
  readonly sign: string;
  /** Sent when the operation is complete, but not when the server closes. */
  readonly complete: string;
}

/** GraphQL over Server-Sent Events, "distinct connections mode" (graphql-sse PROTOCOL.md). */
export const EVENTS: Framing = {
  contentType: 'text/event-stream; charset=utf-8',
  begin: ':\n\n',
  message: (result) => `event: next\ndata: ${JSON.stringify(result)}\n\n`,
  sign: ':\n\n',
  complete: 'event: complete\ndata:\n\n',
};

const BOUNDARY = 'graphql';

/** Apollo's multipart subscription protocol, version 1.0. */
export const PARTS: Framing = {
  contentType: `multipart/mixed;boundary="${BOUNDARY}";subscriptionSpec=1.0`,
  begin: `--${BOUNDARY}`,
  message: (result) => part(result.data === undefined ? { payload: null, errors: result.errors } : { payload: result }),
  sign: part({}),
  complete: '--\r\n',
};

/** The boundary that ends a part is sent with it; otherwise the receiver would wait for the next part. */
function part(content: unknown): string {
  return `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(content)}\r\n--${BOUNDARY}`;
}

/** The protocol that the client accepts; null where it expects a single answer. */
export function framingOf(accept: string | undefined): Framing | null {
  const ranges = (accept ?? '').toLowerCase().split(',', 20);
  if (ranges.some((range) => range.trim().startsWith('text/event-stream'))) return EVENTS;
  return ranges.some((range) => range.trim().startsWith('multipart/mixed') && /subscriptionspec="?1\.0/.test(range))
    ? PARTS
    : null;
}

export interface Streaming {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly framing: Framing;
  readonly answers: AsyncIterableIterator<LiveResult, undefined>;
  readonly signEveryMs: number;
}

/** Writes answers as they arrive; resolves when the last one is written or the client has disconnected. */
export async function stream({ request, reply, framing, answers, signEveryMs }: Streaming): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': framing.contentType,
    'cache-control': 'no-store',
    // Tells proxies that buffer answers (nginx) to pass these on immediately.
    'x-accel-buffering': 'no',
  });
  const { socket } = request.raw;
  let leave = (): void => undefined;
  const gone = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const left = (): void => {
    leave();
    void answers.return?.();
  };
  socket.once('close', left);
  // The client may have disconnected while its first answer was awaited.
  if (socket.destroyed) left();
  // Waits until the bytes have been written, so that a slow client gets the latest answer and no backlog builds up.
  // Bytes queued behind another answer of the connection are dropped without a callback when it closes.
  const written = (text: string): Promise<void> =>
    Promise.race([
      gone,
      new Promise<void>((resolve) => {
        if (!raw.writable || raw.destroyed) resolve();
        else raw.write(text, () => resolve());
      }),
    ]);
  const signs = setInterval(() => {
    // A client that has not read the previous bytes gets no heartbeat.
    if (raw.writableLength === 0) raw.write(framing.sign);
  }, signEveryMs);
  try {
    await written(framing.begin);
    for await (const answer of answers) await written(framing.message(answer));
    await written(framing.complete);
  } finally {
    clearInterval(signs);
    socket.off('close', left);
    raw.end();
  }
}
