/** What the package exports: the data layer, the server, and the types that code beside them needs. */
export { MeridianError, isMeridianError, type ErrorCode } from './base/errors.ts';
export { JsonNumber } from './base/json.ts';
export { formatLsn, type Lsn } from './base/lsn.ts';
export { type Viewer } from './base/viewer.ts';
export { type ConsistencyLevel } from './consistency/requirement.ts';
export { type ConsistencyToken } from './consistency/token.ts';
export { type ResolverContext } from './graphql/context.ts';
export { type CustomReadOptions } from './read/custom/read.ts';
export { type UserResolvers } from './graphql/resolvers.ts';
export { type ConflictHandler } from './conflict/resolve.ts';
export { type ConflictHandlers } from './graphql/write.ts';
export { type Durability, type Row } from './model/model.ts';
export { type Setting } from './read/ports.ts';
export { type RegionReport } from './region/view.ts';
export {
  createDataLayer,
  createServer,
  type DataLayerSettings,
  type ServerSettings,
  type Settings,
} from './app/create.ts';
export {
  type BoundLoaders,
  type DataLayer,
  type ReadOptions,
  type ReadResult,
  type WriteOptions,
  type WriteResult,
} from './app/layer.ts';
export { type Runtime } from './app/start.ts';
export { createTelemetry, type Telemetry, type TelemetryOptions } from './telemetry/telemetry.ts';
export { type IsolationLevel, type Transaction, type TransactionOptions } from './write/ports.ts';
