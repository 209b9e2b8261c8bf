/**
 * Owns how configuration errors are reported: all of them together, each with its place, what is wrong, and how to
 * correct it.
 */
import { editDistance } from '../base/edit-distance.ts';
import { MeridianError } from '../base/errors.ts';

/** One error. No field ever contains a secret. */
export interface Problem {
  /** Name of the option or of the region's setting. */
  readonly option: string;
  /**
   * The source of the value: `flag --port`, `environment MERIDIAN_PORT`, `file meridian.json`; or where it is missing.
   */
  readonly where: string;
  readonly what: string;
  readonly fix: string;
}

export function problemSentence(problem: Problem): string {
  return `${problem.option} (${problem.where}) ${problem.what}; ${problem.fix}.`;
}

/**
 * One error for all problems. Warnings are added, since an unknown name is often the reason why a required value is
 * missing.
 */
export function configError(problems: readonly Problem[], warnings: readonly string[] = []): MeridianError {
  const sentences = [...problems.map(problemSentence), ...warnings];
  const message =
    sentences.length === 1
      ? `The configuration is not valid: ${sentences[0]}`
      : `The configuration is not valid:\n${sentences.map((sentence) => `  - ${sentence}`).join('\n')}`;
  return new MeridianError({ code: 'CONFIG_INVALID', message, details: { problems, warnings } });
}

/**
 * The known name that was probably meant by `given`, or null: the edit distance is at most two, or a third of its
 * letters.
 */
export function nearestName(given: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(given.length, Math.max(2, Math.floor(given.length / 3)) + 1);
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}
