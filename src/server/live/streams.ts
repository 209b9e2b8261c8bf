/**
 * Owns subscriptions over HTTP: answers as events (GraphQL over SSE, distinct connections) or as parts of one body
 * (Apollo's multipart protocol), until the client leaves.
 */
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type LiveResult } from '../../live/ports.ts';

/** How one protocol writes what is to be said. */
export interface Framing {
  readonly contentType: string;
  readonly begin: string;
  message(result: LiveResult): string;
  /** So that nobody on the way takes the connection for dead. */
  readonly sign: string;
  /** Said where the operation is over, and not where the server is. */
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

/** The boundary that ends a part is sent with it, or its receiver would wait for the next one. */
function part(content: unknown): string {
  return `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(content)}\r\n--${BOUNDARY}`;
}

/** Which protocol the client asks for; null: it wants one answer. */
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

/** Writes answers as they come; resolves when the last is written or the client has gone. */
export async function stream({ request, reply, framing, answers, signEveryMs }: Streaming): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': framing.contentType,
    'cache-control': 'no-store',
    // Proxies that collect answers before they pass them on (nginx) pass these on at once.
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
  // It may have left while its first answer was waited for.
  if (socket.destroyed) left();
  // Waits until the bytes are on their way, so that a client that reads slowly gets the latest answer and no backlog.
  // Bytes that wait behind another answer of the connection are dropped without a word when it ends.
  const written = (text: string): Promise<void> =>
    Promise.race([
      gone,
      new Promise<void>((resolve) => {
        if (!raw.writable || raw.destroyed) resolve();
        else raw.write(text, () => resolve());
      }),
    ]);
  const signs = setInterval(() => {
    // A client that does not read what it was sent gets nothing on top.
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
