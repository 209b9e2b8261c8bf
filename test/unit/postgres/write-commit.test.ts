/**
 * Tests of the verdict on a transaction whose work has rolled back to a savepoint: what was recovered from decides
 * nothing, what came after it does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome } from '../../../src/postgres/connect/pool-connection.ts';
import { judgeCommit } from '../../../src/postgres/write/commit.ts';

const good = (command: string, row: Record<string, unknown> = {}): Outcome => ({
  ok: true,
  result: { command, rows: [row], rowCount: 1 },
});
const refused = (code: string): Outcome => ({
  ok: false,
  error: Object.assign(new Error('refused'), { code, severity: 'ERROR' }),
});
const lost: Outcome = { ok: false, error: new Error('Connection terminated unexpectedly') };
const commits = good('SELECT', { read_only: 'off' });
const ended = good('SELECT', { read_only: 'on' });
const recovered = [good('BEGIN'), good('INSERT'), good('SAVEPOINT'), refused('23505'), good('ROLLBACK')];
const verdict = (outcomes: readonly Outcome[]): string => {
  const judged = judgeCommit(
    outcomes,
    { region: 'us', settings: 0, durability: null, durabilityMs: 1 },
    { waitGivenUp: false, index: undefined },
  );
  return judged.kind === 'committed' ? 'committed' : `${judged.error.code}${judged.again ? ' again' : ''}`;
};

test('a failure that was rolled back to a savepoint does not stand for the transaction', () => {
  assert.equal(verdict([...recovered, commits, good('COMMIT')]), 'committed');
  assert.equal(verdict([...recovered, commits, lost]), 'WRITE_OUTCOME_UNKNOWN');
  assert.equal(verdict([...recovered, lost, lost]), 'WRITE_OUTCOME_UNKNOWN');
  assert.equal(verdict([...recovered, commits, refused('40001')]), 'TRANSACTION_CONFLICT again');
  assert.equal(verdict([...recovered, refused('23514'), refused('25P02'), good('ROLLBACK')]), 'CONSTRAINT_VIOLATION');
});

test('a failure before the statements ended the transaction themselves, or at BEGIN, stands for the transaction', () => {
  assert.equal(
    verdict([good('BEGIN'), good('INSERT'), good('ROLLBACK'), refused('25006'), ended, good('COMMIT')]),
    'DATABASE_ERROR',
  );
  assert.equal(verdict([refused('0A000'), good('SELECT'), ended, good('COMMIT')]), 'PRIMARY_UNAVAILABLE');
});

test('codes of a server in recovery count only at BEGIN, since later a function or a rule has raised them', () => {
  for (const state of ['0A000', '25006']) {
    assert.equal(verdict([refused(state), refused('25006'), ended, good('COMMIT')]), 'PRIMARY_UNAVAILABLE');
    assert.equal(verdict([good('BEGIN'), refused(state), refused('25P02'), good('ROLLBACK')]), 'DATABASE_ERROR');
  }
});
