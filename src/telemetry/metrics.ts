/** Owns the metrics: each is declared once, with its help text and its labels, whose values are few and known. */
import { collectDefaultMetrics, Gauge, Registry, type Aggregator, type Counter, type Histogram } from 'prom-client';
import { summedCounter, SummedHistogram } from './summed.ts';

/** Seconds; from a local cache hit to several round trips over a WAN. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Declares every metric on its own registry, so that several servers in one process do not share metrics. */
function declare(registry: Registry) {
  const registers = [registry];
  const counter = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    summedCounter<L>({ name: `meridian_${name}`, help, labelNames, registers });
  /** `over`: how the values of several workers are aggregated. */
  const gauge = <const L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    over: Aggregator = 'sum',
  ): Gauge<L> => new Gauge<L>({ name: `meridian_${name}`, help, labelNames, registers, aggregator: over });
  const histogram = <const L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: number[] = DURATIONS,
  ): Histogram<L> => new SummedHistogram<L>({ name: `meridian_${name}`, help, labelNames, buckets, registers });
  return {
    httpRequests: counter('http_requests_total', 'HTTP requests answered, by method, route and status.', [
      'method',
      'route',
      'status',
    ]),
    httpSeconds: histogram('http_request_duration_seconds', 'Time to answer an HTTP request.', ['method', 'route']),
    httpInFlight: gauge('http_requests_in_flight', 'HTTP requests being answered now.'),

    operations: counter('graphql_operations_total', 'GraphQL operations, by type (query, mutation, invalid).', [
      'type',
    ]),
    operationSeconds: histogram('graphql_operation_duration_seconds', 'Time to execute a GraphQL operation.', ['type']),
    planRuns: counter(
      'graphql_plan_runs_total',
      'Operations that a plan carried out, by outcome (cached: with what the process keeps alone; answered: with other reads; repeated: it met an error, and graphql-js executed the operation).',
      ['outcome'],
    ),
    errors: counter('graphql_errors_total', 'Errors in GraphQL answers, by code.', ['code']),

    statements: counter(
      'sql_statements_total',
      'SQL statements sent, by region and kind (read, write, snapshot, probe).',
      ['region', 'kind'],
    ),
    statementSeconds: histogram(
      'sql_statement_duration_seconds',
      'Time from sending a SQL statement until its answer.',
      ['region', 'kind'],
    ),
    poolConnections: gauge(
      'pool_connections',
      "Connections to a region's database, by state (busy, idle), and statements waiting for one (waiting).",
      ['region', 'state'],
    ),
    overloaded: counter('overloaded_total', 'Requests refused because a bounded queue was full.', ['what']),

    reads: counter(
      'reads_total',
      'Reads answered, by level, by the kind of server (cache, replica, primary) and its region.',
      ['level', 'served_by', 'region'],
    ),
    floorWaitSeconds: histogram(
      'floor_wait_seconds',
      'Time that reads waited for their floor, by outcome (reached, fallback, timeout).',
      ['outcome'],
    ),
    fallbacks: counter('fallbacks_total', 'Reads that went to another server than the nearest, by where to and why.', [
      'to',
      'reason',
    ]),
    tokenErrors: counter('token_errors_total', 'Consistency tokens refused, by code.', ['code']),

    writes: counter('writes_total', "Transactions at the primary, by outcome (committed, or the error's code).", [
      'outcome',
    ]),
    writeRoundTrips: histogram(
      'write_round_trips',
      'Round trips to the primary that a transaction took.',
      [],
      [1, 2, 3, 4, 5, 8, 13, 21],
    ),
    conflicts: counter(
      'conflicts_total',
      'Writes that met a row which their author had not seen, by entity, policy and outcome (MERGED, OVERWRITTEN, HANDLED, DELETED, RESTORED, UPDATED, KEPT, REJECTED).',
      ['entity', 'policy', 'outcome'],
    ),
    idempotent: counter(
      'idempotent_total',
      'Transactions of requests with an idempotency key, by outcome (first: its outcome was kept; replayed: the kept one was given; reused: refused, since the key came with another request).',
      ['outcome'],
    ),
    mutations: counter(
      'mutations_total',
      "Mutations, by where they ran (local, direct, forwarded, refused); received: forwarded by another region's server.",
      ['way'],
    ),
    forwardSeconds: histogram(
      'forward_duration_seconds',
      'Time of forwarding a mutation, by outcome (answered, or what failed).',
      ['outcome'],
    ),
    heartbeatFailures: counter('heartbeat_failures_total', 'Heartbeats that could not be written at the primary.'),

    regionLagSeconds: gauge('region_lag_seconds', 'Staleness of a region; absent while unknown.', ['region'], 'max'),
    regionLagBytes: gauge(
      'region_lag_bytes',
      'WAL that a region has not replayed yet; absent while unknown.',
      ['region'],
      'max',
    ),
    regionRttSeconds: gauge(
      'region_rtt_seconds',
      "Round trip from here to a region's database; absent while unknown.",
      ['region'],
      'max',
    ),
    regionStatus: gauge(
      'region_status',
      'One for the status that a region has (healthy, degraded, unreachable), zero for the others.',
      ['region', 'status'],
      'max',
    ),
    alerts: counter('alerts_total', 'Alerts raised, by region and kind.', ['region', 'kind']),
    alertsActive: gauge('alerts_active', 'Alerts that are raised now, by region and kind.', ['region', 'kind'], 'max'),
    alertPosts: counter('alert_posts_total', 'Posts to the alert webhook, by outcome (sent, failed, dropped).', [
      'outcome',
    ]),
    logDropped: counter('log_dropped_total', 'Log lines dropped, since nobody read standard output.'),

    tailWatermarkBytes: gauge(
      'tail_watermark_bytes',
      'LSN through which this region has applied every change, as a number.',
      [],
      'max',
    ),
    tailTransactions: counter('tail_transactions_total', 'Transactions that the tail delivered.'),
    tailChanges: counter('tail_changes_total', 'Row changes that the tail delivered.'),
    tailReconnects: counter('tail_reconnects_total', 'Times that the tail had to connect again.'),
    tailGaps: counter('tail_gaps_total', 'Times that the tail may have missed changes.'),

    cacheLookups: counter(
      'cache_lookups_total',
      "Values looked up, by layer (local: in the process, shared: the region's Redis) and outcome (hit, joined: another request was reading it just then, miss).",
      ['layer', 'outcome'],
    ),
    cacheStale: counter(
      'cache_stale_total',
      'Values shown although their time to live was over, while they were read anew.',
    ),
    cacheFills: counter(
      'cache_fills_total',
      'Values offered to a layer, by verdict (stored, stale: refused by the guard, full, ended: of an earlier generation, dropped, failed).',
      ['layer', 'verdict'],
    ),
    cacheFailures: counter('cache_failures_total', 'Times that a cache failed a request, which went on without it.'),
    cacheSteps: counter('cache_steps_total', "Steps by which a layer's watermark moved.", ['layer']),
    cacheInvalidations: counter(
      'cache_invalidations_total',
      'Invalidations applied to a layer, by what they name (tag, table).',
      ['layer', 'what'],
    ),
    cacheLives: counter(
      'cache_generations_total',
      'Generations that a layer began, empty, by why (stream, gap, schema, missing, outdated, restart, follow).',
      ['layer', 'reason'],
    ),
    cacheRefusals: counter(
      'cache_refusals_total',
      'Steps that the shared cache refused, since its state was not as this process had left it.',
    ),
    cacheMissed: counter(
      'cache_missed_total',
      'Times that this process may have missed a message of the one that holds the tail, and emptied its own cache.',
    ),
    cacheOn: gauge(
      'cache_on',
      'One while the layer is in use (local: it has a generation; shared: Redis is asked), else zero.',
      ['layer'],
      'min',
    ),
    operationCacheLookups: counter(
      'operation_cache_lookups_total',
      'Requests looked up among the kept answers of whole operations, by outcome (hit, miss).',
      ['outcome'],
    ),
    operationCacheFills: counter(
      'operation_cache_fills_total',
      'Answers of whole operations that were to be kept, by verdict (stored, stale: refused by the guard, full: too large, ended: of an earlier generation).',
      ['verdict'],
    ),
    liveSubscribers: gauge('live_subscribers', 'Subscriptions that the process serves.'),
    liveQueries: gauge('live_queries', 'Different live queries behind them.'),
    liveExecutions: counter('live_executions_total', 'Executions of live queries.'),
    liveMessages: counter('live_messages_total', 'Answers that subscribers were sent.'),
    operationCacheEntries: gauge('operation_cache_entries', 'Answers of whole operations that the process keeps.'),
    operationCacheBytes: gauge('operation_cache_bytes', 'Bytes of them, with their names and tags.'),
    cacheEntries: gauge('cache_entries', "Values in the process's own cache."),
    cacheBytes: gauge('cache_bytes', "Bytes of values in the process's own cache."),
    cacheTombstones: gauge('cache_tombstones', "Invalidations that the process's own cache remembers."),
    cacheWatermarkBytes: gauge(
      'cache_watermark_bytes',
      "LSN through which everything is applied to the process's own cache, as a number; absent while it is not in use.",
      [],
      'min',
    ),
    invalidationLagSeconds: histogram(
      'invalidation_lag_seconds',
      "Time from a commit or a heartbeat at the primary until it is applied to this region's caches; measured where the tail is held.",
    ),
  };
}

export interface Metrics extends Readonly<ReturnType<typeof declare>> {
  readonly registry: Registry;
}

export interface MetricsOptions {
  /** Also collect metrics of this process: memory, CPU, event loop and garbage collection. */
  readonly process?: boolean;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  return { ...declare(registry), registry };
}

/** Sets a gauge, or removes its series when the value is unknown, since zero would be a wrong value. */
export function setOrRemove<L extends string>(gauge: Gauge<L>, labels: Record<L, string>, value: number | null): void {
  if (value === null) gauge.remove(labels);
  else gauge.set(labels, value);
}

/** Bounds the number of a label's values: after `limit` different ones, every new one is counted as `other`. */
export function boundedLabel(limit: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= limit) return 'other';
    seen.add(value);
    return value;
  };
}
