/**
 * Owns the start and stop of a region's server: the layer, the check of the schema against the live catalog, then HTTP.
 */
import { type GraphQLSchema } from 'graphql';
import { isMeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Config } from '../config/load.ts';
import { joinedHeader } from '../consistency/token-cookies.ts';
import { EarlyAnswers } from '../graphql/answers/early-answers.ts';
import { nameOf } from '../graphql/answers/operation-cache.ts';
import { PlannedAnswers } from '../graphql/answers/planned.ts';
import { RequestContext } from '../graphql/context.ts';
import { nullSiteOf, nullValue } from '../graphql/null-values.ts';
import { Plans } from '../graphql/plan/plans.ts';
import { meridianPlugin } from '../graphql/plugin.ts';
import { type UserResolvers } from '../graphql/resolvers.ts';
import { buildSchema } from '../graphql/schema.ts';
import { type ConflictHandlers } from '../graphql/write.ts';
import { type CompiledSchema } from '../schema-compiler/compile.ts';
import { type SdlFile } from '../schema-compiler/files.ts';
import { FLOOR_HEADER, KEY_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { startServer, type IncomingRequest, type RunningServer } from '../server/start.ts';
import { carriedHeaders } from '../forwarding/decision.ts';
import { createViewers, type ViewerHook } from '../server/viewer.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { DataLayer, stacksOf } from './layer.ts';
import { loadModule, type AdminHook, type UserModule } from './module.ts';
import { compileSchema, schemaFiles } from './schema.ts';
import { createAnswers } from './answers.ts';
import { createLive } from './live.ts';
import { askerOf, healthDeps } from './graph.ts';
import { tokenCookieRules } from './token-cookies.ts';

export interface RuntimeRequest {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** SDL given in code, instead of the folder that the configuration names. */
  readonly files?: readonly SdlFile[];
  /** Resolvers given in code, instead of the file that the configuration names. */
  readonly resolvers?: UserResolvers;
  /** Conflict handlers given in code, by the names that `@conflict(handler:)` uses. */
  readonly conflicts?: ConflictHandlers;
  /** Identifies the viewer by the application's own method instead of a bearer JWT. */
  readonly viewer?: ViewerHook;
  /** For tests: how operations are planned; null: graphql-js executes all of them. */
  readonly plans?: Plans | null;
  /** Decides who may see `regionHealth`; default: viewers with the role `adminRole`. */
  readonly isAdmin?: AdminHook;
}

export interface Runtime {
  readonly url: string;
  readonly port: number;
  readonly layer: DataLayer;
  readonly schema: GraphQLSchema;
  /** Drains: requests in flight finish, then every connection ends. */
  close(): Promise<void>;
}

/**
 * Throws `SCHEMA_INVALID`, `CONFIG_INVALID`, `DATABASE_NOT_READY` or `REGION_UNAVAILABLE`; nothing is left running
 * then.
 */
export async function startRuntime(request: RuntimeRequest): Promise<Runtime> {
  const { config, telemetry } = request;
  const module: UserModule = request.resolvers ? { resolvers: request.resolvers } : await loadModule(config);
  const { resolvers } = module;
  const conflicts = request.conflicts ?? module.conflicts ?? {};
  const compiled = await compileSchema({
    config,
    files: request.files ?? schemaFiles(config),
    resolvers,
    handlers: Object.keys(conflicts),
    log: telemetry.log,
  });
  const layer = new DataLayer(config, telemetry, compiled);
  try {
    await layer.start();
    const isAdmin =
      request.isAdmin ??
      module.isAdmin ??
      ((viewer: Viewer | null) => viewer?.roles.includes(config.options.adminRole) ?? false);
    const schema = buildSchema({
      model: compiled.model,
      typeDefs: compiled.typeDefs,
      enums: compiled.enums,
      adminFields: compiled.adminFields,
      user: resolvers,
      write: { writer: stacksOf(layer).write.writer, handlers: conflicts, metrics: telemetry.metrics },
      health: healthDeps(layer, isAdmin),
    });
    const server = await serve({
      request: { ...request, resolvers, ...(request.viewer ? {} : hookOf(module)) },
      layer,
      compiled,
      schema,
    });
    const close = async (): Promise<void> => {
      await server.close();
      await layer.close();
    };
    return { url: server.url, port: server.port, layer, schema, close };
  } catch (error) {
    await layer.close();
    throw error;
  }
}

function hookOf({ viewer }: UserModule): Pick<UserModule, 'viewer'> {
  return viewer ? { viewer } : {};
}

interface Serving {
  readonly request: RuntimeRequest;
  readonly layer: DataLayer;
  readonly compiled: CompiledSchema;
  readonly schema: GraphQLSchema;
}

function serve({ request, layer, compiled, schema }: Serving): Promise<RunningServer> {
  const { config, telemetry, viewer, resolvers = {}, plans: given } = request;
  const { model, adminFields } = compiled;
  const { options, region } = config;
  const {
    codec,
    health: { monitor },
    change: { caching },
    read,
    write: { writer, forwarding, forwardGate },
  } = stacksOf(layer);
  const plans =
    given === undefined ? new Plans({}, undefined, (outcome) => telemetry.metrics.planRuns.inc({ outcome })) : given;
  const tokenCookies = tokenCookieRules({ options, codec, monitor, telemetry });
  const { answers, collector } = createAnswers(layer, schema, {
    user: resolvers,
    adminFields: Object.values(adminFields).filter((name) => name !== ''),
  });
  const planned =
    answers === null || plans === null
      ? null
      : new PlannedAnswers({
          schema,
          model,
          plans,
          codec,
          region,
          options,
          answers,
          cachingFor: (scope) => caching.for(scope),
          openSession: (asked, settings) => read.openSession({ ...asked, settings }),
        });
  const deps = { region, writer, encode: codec.encodeSome.bind(codec) };
  const context = (request: IncomingRequest): RequestContext => {
    const { viewer, headers, cookies, body, signal, watched } = request;
    const settings = read.settingsOf(viewer);
    return new RequestContext({
      viewer,
      settings,
      cookies,
      signal,
      deps,
      asked: { token: headers[TOKEN_HEADER], floor: headers[FLOOR_HEADER], level: headers[LEVEL_HEADER] },
      idempotencyKey: headers[KEY_HEADER],
      watched,
      answerName: body === null || answers === null ? null : nameOf(body, viewer, settings),
      asker: () => askerOf(request),
      carried: () => (request.forwarded ? null : carriedOf(request)),
    });
  };
  return startServer<RequestContext>({
    schema,
    context,
    plugins: [
      meridianPlugin({
        model,
        codec,
        region,
        limits: options,
        plans,
        boundedLagMs: options.boundedLagMs,
        cachingFor: (scope) => caching.for(scope),
        answers,
        collector,
        planned,
        notes: read.notes,
        onVerdict: (outcome) => telemetry.metrics.idempotent.inc({ outcome }),
        forwarding,
        openSession: (asked, settings, signal) => read.openSession({ ...asked, settings, signal }),
      }),
    ],
    viewers: createViewers(options, viewer),
    ...(answers === null ? {} : { answers: new EarlyAnswers({ kept: answers, planned, settingsOf: read.settingsOf }) }),
    ...(model.subscriptions.size > 0 || schema.getSubscriptionType() ? { live: createLive(layer, collector) } : {}),
    explain: (error, path) => {
      const site = nullSiteOf(error, path);
      return site && nullValue(model, site);
    },
    health: { ready: () => ready(layer) },
    forward: forwardGate,
    ...(tokenCookies ? { tokenCookies } : {}),
    options,
    telemetry,
  });
}

/** The other region's server does not see cookies, so the tokens of cookies are sent in the token header. */
function carriedOf({ headers, cookies }: IncomingRequest): Readonly<Record<string, string>> {
  return carriedHeaders({ ...headers, [TOKEN_HEADER]: joinedHeader(headers[TOKEN_HEADER], cookies?.tokens) });
}

/** Ready once some database answers: this region's, or another region's that replaces it. */
async function ready(layer: DataLayer): Promise<{ ok: boolean; why?: string }> {
  const { monitor } = stacksOf(layer).health;
  try {
    if (monitor.readOrder().length === 0) await monitor.refresh();
  } catch (error) {
    if (!isMeridianError(error)) throw error;
  }
  return monitor.readOrder().length > 0
    ? { ok: true }
    : { ok: false, why: `No database answers as seen from region ${layer.region}.` };
}
