/** Owns requests as bytes on a connection: in whatever pieces, and answers as they came. */
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: string;
  /** Names in lower case, without `date`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const PAUSE_MS = 15;
const LIMIT_MS = 10_000;

/** Sends the pieces, one after another, on a connection of its own, and reads until the server closes it. */
export function sendPieces(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const chunks: Buffer[] = [];
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`the server did not answer within ${LIMIT_MS} ms`)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((next) => setTimeout(next, PAUSE_MS));
      }
    })();
  });
}

export function readAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  return {
    status,
    headers: Object.fromEntries(headers.filter(([name]) => name !== 'date')),
    body: text.slice(end + 4),
  };
}

/** One POST of `body`, whole, as bytes; the connection closes after it. */
export function postOf(body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({
    host: 'test',
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST /graphql HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]);
}
