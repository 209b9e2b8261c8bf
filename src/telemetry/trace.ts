/**
 * Owns the trace of a request, so that its log lines can be found by the trace id that gateways and clients assigned.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** `traceId` if the request came with a trace, as a field of a log line. */
export type TraceFields = { readonly traceId?: string };

/** W3C Trace Context: version, trace, span, flags; later versions may add more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;
const NO_TRACE: TraceFields = {};

const current = new AsyncLocalStorage<TraceFields>();

/** The trace of a `traceparent` header; no trace if the header is absent or invalid. */
export function traceOf(traceparent: string | readonly string[] | undefined): TraceFields {
  const [, traceId] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || [];
  return traceId === undefined ? NO_TRACE : { traceId };
}

/** Runs `work`, and everything asynchronous that it starts, within the trace. */
export function inTrace(trace: TraceFields, work: () => void): void {
  current.run(trace, work);
}

/**
 * The trace of the request that is being answered. Only lines about that request include it: whatever a request leaves
 * running (a pool's connection, a cache's subscription) inherits its asynchronous context and would log its trace id
 * for other work.
 */
export function traceFields(): TraceFields {
  return current.getStore() ?? NO_TRACE;
}
