/**
 * Owns the decision whether an operation's dependencies can be collected, and starts collecting them in its session.
 */
import { type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { type LocalCache } from '../../cache/local.ts';
import { type Options } from '../../config/options.ts';
import { AnswerBasis } from '../../read/session/answer-basis.ts';
import { type ReadSession } from '../../read/session/engine.ts';
import { type Purity } from './purity.ts';

/** An operation before its first read. */
export interface Collecting {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly session: ReadSession;
}

export interface CollectorDeps {
  /** The process's own cache. */
  readonly local: Pick<LocalCache, 'generation' | 'watermark'>;
  readonly purity: Pick<Purity, 'isPure'>;
  readonly options: Pick<Options, 'operationCacheTags'>;
}

export class AnswerCollector {
  readonly #deps: CollectorDeps;

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
  }

  /** Whether the operation's answer depends on nothing but rows. */
  isPure({ document, operation }: Pick<Collecting, 'document' | 'operation'>): boolean {
    return this.#deps.purity.isPure(document, operation);
  }

  /** The same, if the cache currently receives invalidations. */
  mayCollect(operation: Pick<Collecting, 'document' | 'operation'>): boolean {
    return this.#deps.local.generation !== null && this.isPure(operation);
  }

  /** Must be called before the first read, for an operation that `mayCollect` accepts. */
  collect({ session }: Pick<Collecting, 'session'>): void {
    const {
      local: { generation, watermark },
      options,
    } = this.#deps;
    if (generation !== null && watermark !== null)
      session.collect(new AnswerBasis({ generation, watermark }, options.operationCacheTags));
  }
}
