/** Owns how a finding is told: the few commits and answers without which it would be none, in their order. */
import { formatLsn, type Lsn } from '../../src/base/lsn.ts';
import { type Answered, type Sight } from './record.ts';
import { type Truth } from './truth.ts';

export interface FindingParts {
  readonly head: string;
  readonly answered: Answered;
  readonly truth: Truth;
  /** Answers that were judged before. */
  readonly past: readonly Answered[];
  /** What was broken then. */
  readonly broken: readonly string[];
  readonly sight?: Sight;
  readonly floor?: Lsn;
  /** Where the sight was true, outside of its range; null for nowhere. */
  readonly trueAt?: Lsn | null;
}

/** Commits that are shown; the first and the last ones where there are more. */
const COMMITS = 6;

export function describeFinding({ head, answered, truth, past, broken, sight, floor, trueAt }: FindingParts): string {
  const lines = [head];
  const line = (text: string): void => void lines.push(`    ${text}`);
  if (sight !== undefined && floor !== undefined) {
    line(`shown:    ${sight.shown}`);
    line(`at floor: ${truth.expected(sight, floor)}`);
    const [from, to] =
      trueAt !== null && trueAt !== undefined && trueAt < floor
        ? [trueAt, floor]
        : [floor, trueAt ?? answered.token ?? floor];
    line('what happened to it:');
    for (const text of commitsBetween(truth, sight, from, to)) line(`  ${text}`);
    const teacher = past.findLast(
      (other) =>
        other.token !== null &&
        other.token >= floor &&
        other.answeredMs <= answered.sentMs &&
        (answered.asking.bare ? true : other.client === answered.client),
    );
    const first = past.find(
      (other) =>
        other.region === answered.region &&
        other.answeredMs > answered.sentMs - 60_000 &&
        other.sights.some(
          ({ shown, selection }) =>
            shown === sight.shown &&
            selection.table === sight.selection.table &&
            selection.value === sight.selection.value,
        ),
    );
    line('who saw what:');
    if (first !== undefined) line(`  ${answerText(first)}: the first to see it there`);
    if (teacher !== undefined && teacher !== first) line(`  ${answerText(teacher)}: since then the floor is known`);
  }
  line(`  ${answerText(answered)}: the finding`);
  if (broken.length > 0) line(`broken within the 5 s before: ${broken.join('; ')}`);
  return lines.join('\n');
}

function commitsBetween(truth: Truth, sight: Sight, from: Lsn, to: Lsn): string[] {
  const lsns = truth.positions(sight.selection, from, to).reverse();
  const texts = lsns.map((lsn) => `${formatLsn(lsn)} ${truth.expected(sight, lsn)}`);
  return texts.length <= COMMITS
    ? texts
    : [...texts.slice(0, COMMITS / 2), `… ${texts.length - COMMITS} more …`, ...texts.slice(-COMMITS / 2)];
}

function answerText({
  n,
  client,
  region,
  server,
  what,
  sentMs,
  answeredMs,
  sent,
  token,
  servedBy,
  asking,
}: Answered): string {
  const by =
    servedBy === null
      ? ''
      : ` by ${Object.entries(servedBy)
          .filter(([, count]) => count > 0)
          .map(([who, count]) => `${who} ${count}`)
          .join(', ')}`;
  return `#${n} ${(sentMs / 1_000).toFixed(2)}–${(answeredMs / 1_000).toFixed(2)} s ${client} in ${region} (${server}) ${asking.level}: ${what}; sent ${formatLsn(sent)}, got ${token === null ? 'no token' : formatLsn(token)}${by}`;
}
