/** Owns which headers carry a trace from one server to the next. */

/** Trace context goes along as headers, also for whoever stands between the servers. */
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
