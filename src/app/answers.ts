/** Owns the wiring of the operation cache: kept answers of whole operations, over the process's own cache. */
import { type GraphQLSchema } from 'graphql';
import { systemClock } from '../base/clock.ts';
import { OperationCache } from '../graphql/answers/operation-cache.ts';
import { Purity, type OwnResolvers } from '../graphql/answers/purity.ts';
import { stacksOf, type DataLayer } from './layer.ts';

/** Null where nothing is cached. */
export function createOperationCache(
  layer: DataLayer,
  schema: GraphQLSchema,
  own: OwnResolvers,
): OperationCache | null {
  const {
    change: { caching },
    read,
    codec,
    config: { options },
  } = stacksOf(layer);
  const made = caching.answers;
  if (made === null || options.operationCacheBytes === 0) return null;
  const { local, watch } = made;
  return new OperationCache({
    local,
    purity: new Purity(schema, own),
    codec,
    region: layer.region,
    options,
    clock: systemClock,
    observe: watch,
    settingsOf: read.settingsOf,
    openSession: (asked, settings) => read.openSession({ ...asked, settings }),
  });
}
