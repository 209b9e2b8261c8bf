/** Owns the data about a request that is known before Fastify handles it, so that nothing is done twice. */
import { type IncomingMessage } from 'node:http';
import { type Viewer } from '../../base/viewer.ts';

export interface Arrived {
  /** The body as text with one character per byte, so that equal texts mean equal bytes. */
  readonly body: string;
  readonly viewer: Promise<Viewer | null>;
  /** The time when its headers had arrived, by `performance.now`. */
  readonly startedMs: number;
}

const arrived = new WeakMap<IncomingMessage, Arrived>();

export function remember(request: IncomingMessage, known: Arrived): void {
  arrived.set(request, known);
}

/** Undefined where the early listener did not read the request; then its whole answer is not cached. */
export function arrivedWith(request: IncomingMessage): Arrived | undefined {
  return arrived.get(request);
}
