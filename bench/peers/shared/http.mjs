/**
 * Owns the bare `node:http` server around hand-written handlers: it reads the body, parses it, and sends back what the
 * handler makes of it.
 */
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { HOST, listening, port } from './environment.mjs';

/**
 * @param {(request: { query: string, variables: Record<string, unknown> }) => Buffer | string | Promise<Buffer |
 * string>} handle Answers the body to send.
 */
export function serve(handle) {
  const server = createServer((request, response) => {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const send = (/** @type {Buffer | string} */ body, status = 200) => {
        response.writeHead(status, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
        });
        response.end(body);
      };
      const fail = (/** @type {unknown} */ error) =>
        send(JSON.stringify({ errors: [{ message: String(error) }] }), 500);
      try {
        const answer = handle(JSON.parse((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).toString()));
        if (answer instanceof Promise) answer.then(send, fail);
        else send(answer);
      } catch (error) {
        fail(error);
      }
    });
  });
  server.keepAliveTimeout = 72_000;
  server.listen(port, HOST, () => listening());
}
