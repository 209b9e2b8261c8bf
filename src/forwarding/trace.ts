/** Owns the headers that carry a trace from one server to the next. */

/** The trace context is sent as headers, so that proxies between the servers can use it too. */
export function traced({
  traceparent,
  tracestate,
  baggage,
}: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(baggage === undefined ? {} : { baggage }),
  };
}
