/** Owns the `regionHealth` query: reports of every region, for administrators. */
import { type GraphQLFieldResolver } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { formatLsn } from '../base/lsn.ts';
import { type CacheReport } from '../region/cache-report.ts';
import { type RegionReport } from '../region/view.ts';
import { requireAdmin, type AdminDeps } from './admin.ts';
import { type RequestContext } from './context.ts';
import { type RegionCache, type RegionHealth } from './generated/meridian.ts';

export interface HealthDeps extends AdminDeps {
  reports(): Promise<readonly RegionReport[]> | readonly RegionReport[];
}

export function healthResolver(deps: HealthDeps): GraphQLFieldResolver<unknown, RequestContext, { region?: string | null }> {
  return async (_parent, args, context) => {
    await requireAdmin(deps, context.viewer, 'regionHealth');
    const reports = await deps.reports();
    const asked = args.region ?? null;
    const chosen = asked === null ? reports : reports.filter(({ region }) => region === asked);
    if (chosen.length === 0) {
      const known = reports.map(({ region }) => region).join(', ');
      throw new MeridianError({ code: 'BAD_USER_INPUT', message: `There is no region ${JSON.stringify(asked)}; this graph runs in ${known}.` });
    }
    return chosen.map(healthOf);
  };
}

/** The report in the words of the schema; what is unknown stays null. */
function healthOf(report: RegionReport): RegionHealth {
  return {
    region: report.region,
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
    alerts: report.alerts.map((alert) => ({ kind: upperCase(alert.kind), message: alert.message, since: new Date(alert.sinceMs).toISOString() })),
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
  };
}

function upperCase<T extends string>(text: T): Uppercase<T> {
  return text.toUpperCase() as Uppercase<T>;
}

/** Tenths of a millisecond: what lies below is noise. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
