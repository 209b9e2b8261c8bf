/** Owns the wiring of answers as a whole: what they depend on, and those that are kept, over the process's own cache. */
import { type GraphQLSchema } from 'graphql';
import { systemClock } from '../base/clock.ts';
import { AnswerCollector } from '../graphql/answers/collector.ts';
import { OperationCache } from '../graphql/answers/operation-cache.ts';
import { Purity, type OwnResolvers } from '../graphql/answers/purity.ts';
import { stacksOf, type DataLayer } from './layer.ts';

export interface AnswerParts {
  /** Null where nothing is cached. */
  readonly collector: AnswerCollector | null;
  /** Null where no whole answer is kept. */
  readonly answers: OperationCache | null;
}

export function createAnswers(layer: DataLayer, schema: GraphQLSchema, own: OwnResolvers): AnswerParts {
  const {
    change: { caching },
    read,
    codec,
    config: { options },
  } = stacksOf(layer);
  const made = caching.answers;
  if (made === null) return { collector: null, answers: null };
  const { local, watch } = made;
  const collector = new AnswerCollector({ local, purity: new Purity(schema, own), options });
  if (options.operationCacheBytes === 0) return { collector, answers: null };
  const answers = new OperationCache({
    local,
    collector,
    codec,
    region: layer.region,
    options,
    clock: systemClock,
    observe: watch,
    openSession: (asked, settings) => read.openSession({ ...asked, settings }),
  });
  return { collector, answers };
}
