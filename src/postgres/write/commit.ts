/**
 * Owns the verdict on a transaction: from what the server answered to each statement, whether it is committed, failed
 * or unknown.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type Durability, type Row } from '../../model/model.ts';
import { type IsolationLevel } from '../../write/ports.ts';
import { durabilityRefused, durabilityUnconfirmed, namesHeld } from './durability.ts';
import { isConflict, toMeridianError } from '../connect/errors.ts';
import { type Outcome, type SqlResult, type SqlText } from '../connect/pool-connection.ts';
import { isStalePlan, sqlStateOf } from '../read/error.ts';
import { settingsRefused } from '../connect/settings.ts';
import { MESSAGE_PREFIX } from '../wal/decode.ts';

export function beginText(isolation: IsolationLevel = 'READ COMMITTED'): string {
  return `BEGIN ISOLATION LEVEL ${isolation} READ WRITE`;
}

/**
 * Committed with the data or not at all. Without tags there is nothing to say, and a message would only be more WAL. It
 * goes out as bytes: a text would be written in the database's encoding, and refused where that lacks one of its
 * letters, while whoever decodes it reads UTF-8.
 */
export function messageOfTags(tags: readonly string[]): readonly SqlText[] {
  if (tags.length === 0) return [];
  return [
    {
      name: 'meridian_tags',
      text: 'SELECT pg_logical_emit_message(true, $1::text, $2::bytea)',
      values: [MESSAGE_PREFIX, Buffer.from(JSON.stringify({ tags }))],
    },
  ];
}

export type Verdict =
  | { readonly kind: 'committed'; readonly results: readonly SqlResult[] }
  /** `again`: nothing was written and the same transaction may succeed now. */
  | { readonly kind: 'failed'; readonly error: MeridianError; readonly again: boolean; readonly atOnce?: boolean };

export interface CommitPlace {
  readonly region: string;
  /** How many statements after BEGIN made settings, those for durability first. */
  readonly settings: number;
  readonly durability: Durability | null;
  readonly durabilityMs: number;
}

/** What tells of a COMMIT beside its own answer. */
export interface CommitSigns {
  /** It has stopped waiting for its standbys. */
  readonly waitGivenUp: boolean;
  /** The answer to `INDEX` behind it. */
  readonly index: Outcome | undefined;
}

/**
 * What has failed the transaction; undefined where nothing has. What failed before something else went well was rolled
 * back to a savepoint, which alone brings a failed transaction back; unless the statements have ended it themselves, so
 * that what went well was outside of it.
 */
function failureOf(outcomes: readonly Outcome[]): Outcome | undefined {
  const [begin, commits] = [outcomes[0], outcomes.at(-2)];
  const isEnded = begin?.ok === false || (commits?.ok === true && commits.result.rows[0]?.['read_only'] !== 'off');
  const lastGood = outcomes.slice(0, -1).findLastIndex(({ ok }) => ok);
  return outcomes.slice(isEnded ? 0 : lastGood + 1).find(({ ok }) => !ok);
}

/** `outcomes`: of BEGIN, what made settings, every statement, `COMMITS`, and COMMIT, which comes last. */
export function judgeCommit(
  outcomes: readonly Outcome[],
  place: CommitPlace,
  { waitGivenUp, index }: CommitSigns,
): Verdict {
  const { region, settings, durability } = place;
  const failed = failureOf(outcomes);
  const commit = outcomes.at(-1);
  const isCommitted = commit?.ok === true && commit.result.command === 'COMMIT' && failed === undefined;
  if (waitGivenUp)
    return {
      kind: 'failed',
      error: durabilityUnconfirmed({ ...place, why: isCommitted ? 'late' : 'ended' }),
      again: false,
    };
  if (isCommitted && asksStandbys(durability) && !namesHeld(firstRow(outcomes[1]), firstRow(index)))
    return { kind: 'failed', error: durabilityUnconfirmed({ ...place, why: 'renamed' }), again: false };
  if (isCommitted)
    return { kind: 'committed', results: outcomes.map((outcome) => (outcome.ok ? outcome.result : ROLLED_BACK)) };
  const cause = failed === undefined || failed.ok ? undefined : failed.error;
  // Only an error that the server itself gave before COMMIT, or in COMMIT's place, proves that nothing was written. The
  // server that ends a connection during COMMIT does not: the record may be out already.
  const state = sqlStateOf(cause);
  const refused = state !== null && !(failed === commit && state.startsWith('57P'));
  if (refused && failed !== undefined && isSetting(outcomes, failed, settings))
    return { kind: 'failed', error: openingRefused(cause, place), again: false };
  if (refused && failed === outcomes[0] && isRecovery(state))
    return { kind: 'failed', error: notWritable(region, cause), again: false };
  if (refused) return refusal(cause, region);
  // COMMIT of a transaction that has failed is answered with ROLLBACK, and with no error.
  if (commit?.ok && commit.result.command === 'ROLLBACK') return refusal(cause, region);
  return { kind: 'failed', error: commitOutcomeUnknown(region, false, cause), again: false };
}

/** Of a statement that was rolled back to a savepoint. */
const ROLLED_BACK: SqlResult = { rows: [], rowCount: 0, command: '' };
const asksStandbys = (durability: Durability | null): boolean => durability !== null && durability !== 'LOCAL';
const firstRow = (outcome: Outcome | undefined): Row | undefined => (outcome?.ok ? outcome.result.rows[0] : undefined);

/**
 * What it means when a statement right after BEGIN was refused: the cluster lacks what was asked for, or a setting
 * cannot be made.
 */
export function openingRefused(
  cause: unknown,
  { region, durability }: Pick<CommitPlace, 'region' | 'durability'>,
): MeridianError {
  return durabilityRefused(cause, region, durability) ?? settingsRefused(cause, region);
}

function isSetting(outcomes: readonly Outcome[], failed: Outcome, settings: number): boolean {
  const place = outcomes.indexOf(failed);
  return place >= 1 && place <= settings;
}

/** What a refused BEGIN means for the whole transaction; null when it went well or was not answered. */
export function judgeBegin(outcome: Outcome | undefined, region: string): Extract<Verdict, { kind: 'failed' }> | null {
  if (outcome === undefined || outcome.ok) return null;
  const state = sqlStateOf(outcome.error);
  if (state === null) return null;
  return isRecovery(state)
    ? { kind: 'failed', error: notWritable(region, outcome.error), again: false }
    : refusal(outcome.error, region);
}

/**
 * A server that is in recovery refuses BEGIN READ WRITE so; of later statements these codes say nothing of the server,
 * which has begun to write.
 */
const isRecovery = (state: string): boolean => state === '0A000' || state === '25006';

function refusal(cause: unknown, region: string): Extract<Verdict, { kind: 'failed' }> {
  const error = toMeridianError(cause, { region });
  if (isMeridianError(error, 'REGION_UNAVAILABLE')) {
    return {
      kind: 'failed',
      error: new MeridianError({
        code: 'PRIMARY_UNAVAILABLE',
        message: `The primary in region ${region} went away before the commit; nothing was written. Try again shortly.`,
        details: { region },
        cause,
      }),
      again: false,
    };
  }
  return { kind: 'failed', error, again: isConflict(cause), atOnce: isStalePlan(cause) };
}

export function notWritable(region: string, cause: unknown): MeridianError {
  return new MeridianError({
    code: 'PRIMARY_UNAVAILABLE',
    message: `The database of region ${region} is not writable any more; nothing was written. Try again when the new primary is known.`,
    details: { region },
    cause,
  });
}

export function commitOutcomeUnknown(region: string, committed: boolean, cause: unknown): MeridianError {
  const message = committed
    ? `The write was committed in region ${region}, but the connection broke before its position was known; read it again before relying on it.`
    : `The connection to region ${region} broke after COMMIT was sent, so that the write may or may not have happened; look before trying again.`;
  return new MeridianError({
    code: 'WRITE_OUTCOME_UNKNOWN',
    message,
    details: { region, committed: committed ? true : null },
    cause,
  });
}
