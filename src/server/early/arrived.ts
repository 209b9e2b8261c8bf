/** Owns what is known of a request before Fastify sees it, so that nothing is done twice. */
import { type IncomingMessage } from 'node:http';
import { type Viewer } from '../../base/viewer.ts';

interface Arrived {
  /** The body, one character for each byte: the same text for the same bytes and no others. */
  readonly body: string;
  /** Null: nobody has looked yet who is asking. */
  viewer: Promise<Viewer | null> | null;
}

const arrived = new WeakMap<IncomingMessage, Arrived>();

export function remember(request: IncomingMessage, body: string): Arrived {
  const one: Arrived = { body, viewer: null };
  arrived.set(request, one);
  return one;
}

/** Undefined: the request takes the usual way from the start, and its answer is not kept whole. */
export function arrivedWith(request: IncomingMessage): Readonly<Arrived> | undefined {
  return arrived.get(request);
}
