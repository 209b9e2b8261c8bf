/**
 * Owns which trace a request belongs to, so that log lines about it can be found by the id that gateways and clients
 * have given it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** `traceId` where the request came with a trace, for a line of the log. */
export type TraceFields = { readonly traceId?: string };

/** W3C Trace Context: version, trace, span, flags; later versions may add more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;
const NO_TRACE: TraceFields = {};

const current = new AsyncLocalStorage<TraceFields>();

/** What a `traceparent` header says; nothing for none, and for what is none. */
export function traceOf(traceparent: string | readonly string[] | undefined): TraceFields {
  const [, traceId] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || [];
  return traceId === undefined ? NO_TRACE : { traceId };
}

/** Everything that `work` sets off belongs to the trace. */
export function inTrace(trace: TraceFields, work: () => void): void {
  current.run(trace, work);
}

/**
 * Of the request that is being answered. To be named on lines about that request, and not on every line: what a request
 * leaves behind (a pool's connection, a cache's subscription) goes on in its name.
 */
export function traceFields(): TraceFields {
  return current.getStore() ?? NO_TRACE;
}
