/** Owns the `regionHealth` query: reports of every region, in every known subgraph, for administrators. */
import { type GraphQLFieldResolver } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type ClusterId } from '../base/lineage.ts';
import { formatLsn } from '../base/lsn.ts';
import { type SiblingHealth, type Siblings } from '../http/siblings.ts';
import { type CacheReport } from '../region/cache-report.ts';
import { type RegionReport } from '../region/view.ts';
import { requireAdmin, type AdminDeps } from './admin.ts';
import { type RequestContext } from './context.ts';
import { type RegionCache, type RegionHealth } from './generated/meridian.ts';

export interface HealthDeps extends AdminDeps {
  /** The region that this server runs in. */
  readonly region: string;
  /** Name of its subgraph; null if it has none. */
  readonly subgraph: string | null;
  /** The servers of other subgraphs; null if none is known. */
  readonly siblings: Siblings | null;
  cluster(): ClusterId | null;
  reports(): Promise<readonly RegionReport[]> | readonly RegionReport[];
}

export function healthResolver(
  deps: HealthDeps,
): GraphQLFieldResolver<unknown, RequestContext, { region?: string | null }> {
  return async (_parent, args, { viewer, asker }, { fieldName }) => {
    await requireAdmin(deps, viewer, fieldName);
    const asked = args.region ?? null;
    const [reports, told] = await Promise.all([
      deps.reports(),
      asker === null ? [] : (deps.siblings?.regionHealth(asker) ?? []),
    ]);
    const all = [
      ...reports.map((report) => healthOf(report, deps)),
      ...told.flatMap(({ answer }) => (answer.ok ? answer.rows : [])),
    ];
    // For a subgraph that does not answer, nothing is known about the requested region.
    const silent = told.flatMap((one) =>
      one.answer.ok ? [] : [silentHealth(one, one.answer.why, asked ?? deps.region)],
    );
    const chosen = [...(asked === null ? all : all.filter(({ region }) => region === asked)), ...silent];
    if (chosen.length === 0) {
      const known = [...new Set(all.map(({ region }) => region))].join(', ');
      throw new MeridianError({
        code: 'BAD_USER_INPUT',
        message: `There is no region ${JSON.stringify(asked)}; this graph runs in ${known}.`,
      });
    }
    return chosen;
  };
}

/** The place of a subgraph whose server does not report. */
function silentHealth({ subgraph, failingSinceMs }: SiblingHealth, why: string, region: string): RegionHealth {
  const message = `The server of subgraph ${subgraph} ${why}; how its regions are is not known.`;
  return {
    region,
    subgraph,
    cluster: null,
    role: null,
    status: 'UNREACHABLE',
    databaseHealthy: false,
    cacheHealthy: null,
    cache: null,
    serverHealthy: false,
    replicationLagMs: null,
    replicationLagBytes: null,
    replayLsn: null,
    timeline: null,
    rttMs: null,
    alerts: [{ kind: 'UNREACHABLE', message, since: new Date(failingSinceMs ?? Date.now()).toISOString() }],
    error: message,
  };
}

/** The report in the terms of the schema; unknown values stay null. */
function healthOf(report: RegionReport, deps: Pick<HealthDeps, 'subgraph' | 'cluster'>): RegionHealth {
  return {
    region: report.region,
    subgraph: deps.subgraph,
    cluster: deps.cluster(),
    role: report.role === null ? null : upperCase(report.role),
    status: upperCase(report.status),
    databaseHealthy: report.databaseHealthy,
    cacheHealthy: report.cacheHealthy,
    cache: report.cache === null ? null : cacheOf(report.cache),
    serverHealthy: report.serverHealthy,
    replicationLagMs: rounded(report.lagMs),
    replicationLagBytes: report.lagBytes === null ? null : String(report.lagBytes),
    replayLsn: report.replayLsn === null ? null : formatLsn(report.replayLsn),
    timeline: report.timeline,
    rttMs: rounded(report.rttMs),
    alerts: report.alerts.map((alert) => ({
      kind: upperCase(alert.kind),
      message: alert.message,
      since: new Date(alert.sinceMs).toISOString(),
    })),
    error: report.error,
  };
}

function cacheOf(report: CacheReport): RegionCache {
  return {
    servers: report.servers,
    caching: report.caching,
    localHitRatio: report.localHitRatio,
    sharedHitRatio: report.sharedHitRatio,
    invalidationLagMs: rounded(report.invalidationLagMs),
    invalidationLagP99Ms: rounded(report.invalidationLagP99Ms),
    entries: String(report.entries),
    bytes: String(report.bytes),
    operationHitRatio: report.operationHitRatio,
    operations: String(report.operations),
    operationBytes: String(report.operationBytes),
  };
}

function upperCase<T extends string>(text: T): Uppercase<T> {
  return text.toUpperCase() as Uppercase<T>;
}

/** In tenths of a millisecond: smaller differences are noise. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
