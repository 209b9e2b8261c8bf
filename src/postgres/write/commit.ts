/**
 * Owns the verdict on a transaction: whether it is committed, failed or unknown, given the server's answer to each
 * statement.
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
 * A transactional message, which is written only if the transaction commits. Without tags none is sent, since it would
 * only add WAL. The content is sent as bytes: text would be converted to the database's encoding, and refused if that
 * lacks one of its characters, while the decoder expects UTF-8.
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
  /** `again`: nothing was written, and the same transaction may succeed if it is repeated. */
  | { readonly kind: 'failed'; readonly error: MeridianError; readonly again: boolean; readonly atOnce?: boolean };

export interface CommitPlace {
  readonly region: string;
  /** Number of statements after BEGIN that make settings, those for durability first. */
  readonly settings: number;
  readonly durability: Durability | null;
  readonly durabilityMs: number;
}

/** What indicates the outcome of COMMIT besides its own answer. */
export interface CommitSigns {
  /** COMMIT has stopped waiting for its standbys. */
  readonly waitGivenUp: boolean;
  /** The outcome of `INDEX`, which follows it. */
  readonly index: Outcome | undefined;
}

/**
 * The outcome that failed the transaction; undefined if none did. A failure that is followed by a success was rolled
 * back to a savepoint, since nothing else succeeds in a failed transaction. The exception is a transaction that its
 * own statements have ended: what succeeded then ran outside of it.
 */
function failureOf(outcomes: readonly Outcome[]): Outcome | undefined {
  const [begin, commits] = [outcomes[0], outcomes.at(-2)];
  const isEnded = begin?.ok === false || (commits?.ok === true && commits.result.rows[0]?.['read_only'] !== 'off');
  const lastGood = outcomes.slice(0, -1).findLastIndex(({ ok }) => ok);
  return outcomes.slice(isEnded ? 0 : lastGood + 1).find(({ ok }) => !ok);
}

/** `outcomes`: those of BEGIN, the settings, every statement, `COMMITS`, and COMMIT, in this order. */
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
  // Only an error that the server itself returned before COMMIT, or in answer to it, proves that nothing was written.
  // A server that ends the connection during COMMIT does not: the commit record may have been written.
  const state = sqlStateOf(cause);
  const refused = state !== null && !(failed === commit && state.startsWith('57P'));
  if (refused && failed !== undefined && isSetting(outcomes, failed, settings))
    return { kind: 'failed', error: openingRefused(cause, place), again: false };
  if (refused && failed === outcomes[0] && isRecovery(state))
    return { kind: 'failed', error: notWritable(region, cause), again: false };
  if (refused) return refusal(cause, region);
  // COMMIT of a failed transaction is answered with ROLLBACK and without an error.
  if (commit?.ok && commit.result.command === 'ROLLBACK') return refusal(cause, region);
  return { kind: 'failed', error: commitOutcomeUnknown(region, false, cause), again: false };
}

/** The result of a statement that was rolled back to a savepoint. */
const ROLLED_BACK: SqlResult = { rows: [], rowCount: 0, command: '' };
const asksStandbys = (durability: Durability | null): boolean => durability !== null && durability !== 'LOCAL';
const firstRow = (outcome: Outcome | undefined): Row | undefined => (outcome?.ok ? outcome.result.rows[0] : undefined);

/**
 * The error when a statement right after BEGIN was refused: the cluster cannot give the requested durability, or a
 * setting cannot be made.
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

/** The verdict if BEGIN was refused; null if it succeeded or was not answered. */
export function judgeBegin(outcome: Outcome | undefined, region: string): Extract<Verdict, { kind: 'failed' }> | null {
  if (outcome === undefined || outcome.ok) return null;
  const state = sqlStateOf(outcome.error);
  if (state === null) return null;
  return isRecovery(state)
    ? { kind: 'failed', error: notWritable(region, outcome.error), again: false }
    : refusal(outcome.error, region);
}

/**
 * The SQLSTATEs with which a server in recovery refuses BEGIN READ WRITE. From later statements they say nothing about
 * the server, since the transaction has begun.
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
