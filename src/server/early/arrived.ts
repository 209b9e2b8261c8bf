/** Owns what is known of a request before Fastify sees it, so that nothing is done twice. */
import { type IncomingMessage } from 'node:http';
import { type Viewer } from '../../base/viewer.ts';

export interface Arrived {
  /** The body, one character for each byte: the same text for the same bytes and no others. */
  readonly body: string;
  readonly viewer: Promise<Viewer | null>;
  /** When its headers were there, by `performance.now`. */
  readonly startedMs: number;
}

const arrived = new WeakMap<IncomingMessage, Arrived>();

export function remember(request: IncomingMessage, known: Arrived): void {
  arrived.set(request, known);
}

/** Undefined: the request takes the usual way from the start, and its answer is not kept whole. */
export function arrivedWith(request: IncomingMessage): Arrived | undefined {
  return arrived.get(request);
}
