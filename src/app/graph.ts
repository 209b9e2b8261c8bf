/** Owns the wiring to the rest of the graph: the servers of other subgraphs, and on whose behalf they are asked. */
import { type Options } from '../config/options.ts';
import { parseSiblings } from '../config/siblings.ts';
import { joinedHeader } from '../consistency/token-cookies.ts';
import { type ConflictsDeps } from '../graphql/conflicts.ts';
import { type HealthDeps } from '../graphql/health.ts';
import { Siblings, type Asker } from '../http/siblings.ts';
import { traced } from '../forwarding/trace.ts';
import { SIBLING_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type IncomingRequest } from '../server/start.ts';
import { type Log } from '../telemetry/log.ts';
import { stacksOf, type DataLayer } from './layer.ts';

export function healthDeps(layer: DataLayer, isAdmin: HealthDeps['isAdmin']): HealthDeps & ConflictsDeps {
  const {
    codec,
    health: { monitor },
    config: { options },
    telemetry: { log },
  } = stacksOf(layer);
  return {
    region: layer.region,
    subgraph: options.subgraph === '' ? null : options.subgraph,
    siblings: siblingsOf(options, log),
    cluster: () => monitor.cluster,
    reports: () => layer.regionHealth(),
    positionsIn: (token) => codec.decode(token).values(),
    isAdmin,
    maxPageSize: options.maxPageSize,
  };
}

/** The option's errors were reported when the configuration was read. */
function siblingsOf(options: Options, log: Log): Siblings | null {
  const parsed = parseSiblings(options.siblings);
  if ('problem' in parsed || parsed.siblings.size === 0) return null;
  const siblings = new Siblings({
    self: options.subgraph,
    urls: parsed.siblings,
    limits: options,
    fields: { regionHealth: options.regionHealthField, conflicts: options.conflictsField },
    log,
  });
  return siblings.names.length === 0 ? null : siblings;
}

/** The viewer's credentials, tokens and trace. They are empty if the request comes from another subgraph's server. */
export function askerOf({ headers, cookies, signal }: IncomingRequest): Asker | null {
  if (headers[SIBLING_HEADER] !== undefined) return null;
  const { authorization } = headers;
  return {
    headers: { ...traced(headers), ...(authorization === undefined ? {} : { authorization }) },
    token: joinedHeader(headers[TOKEN_HEADER], cookies?.tokens),
    signal,
  };
}
