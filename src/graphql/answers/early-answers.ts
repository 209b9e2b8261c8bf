/**
 * Owns answers without the usual execution: the stored answer of an identical request, or an answer that a plan reads
 * from the process's cache.
 */
import { type Viewer } from '../../base/viewer.ts';
import { type Setting } from '../../read/ports.ts';
import { nameOf, type AnswerNow, type AskedAgain, type OperationCache } from './operation-cache.ts';
import { type PlannedAnswers } from './planned.ts';

export interface EarlyAnswersDeps {
  readonly kept: Pick<OperationCache, 'answer'>;
  /** Null where graphql-js executes all operations. */
  readonly planned: Pick<PlannedAnswers, 'answer'> | null;
  readonly settingsOf: (viewer: Viewer | null) => readonly Setting[];
}

export class EarlyAnswers {
  readonly #deps: EarlyAnswersDeps;

  constructor(deps: EarlyAnswersDeps) {
    this.#deps = deps;
  }

  /** Null where the request must be executed. Throws the errors of its tokens. */
  answer(asked: AskedAgain): AnswerNow | null {
    const { kept, planned, settingsOf } = this.#deps;
    const settings = settingsOf(asked.viewer);
    const byName = { ...asked, settings, name: nameOf(asked.body, asked.viewer, settings) };
    return kept.answer(byName) ?? planned?.answer(byName) ?? null;
  }
}
