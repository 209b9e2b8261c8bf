/**
 * Proves the promise under faults, in short, in a database of UTF-8 or, with an odd SEED, of LATIN1: clients move between three regions, read and write with their tokens, others write past
 * Meridian, while replicas, links, tails, slots, Redis and servers break and come back. SEED replays a run's choices, MINUTES sets its
 * length; `npm run soak` is the long form.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PRIMARY_FAULTS, REDIS_FAULTS, REPLICA_FAULTS, SERVER_FAULTS } from '../support/history/faults.ts';
import { reportOf, violationsOf } from '../support/history/report.ts';
import { runHistory } from '../support/history/run.ts';
import { redisProgram } from '../support/redis.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const MINUTES = Number(process.env['MINUTES'] ?? 0.6);
/** What caches must have answered at least: below, the run says little about them. Everybody writes and everything breaks all the time. */
const SHARE = 0.1;
/** The same when all is quiet and everything is asked for a second time. */
const QUIET_SHARE = 0.5;

describe(`a history under faults (SEED=${SEED} MINUTES=${MINUTES})`, () => {
  it('shows nobody anything older than their token, anything that never was, or anything that is not so when all is quiet', { timeout: MINUTES * 60_000 + 240_000 }, async (t) => {
    const report = await runHistory({ seed: SEED, minutes: MINUTES, encoding: SEED % 2 === 0 ? 'UTF8' : 'LATIN1' });
    const { findings, tally, sights, commits, quiet, struck } = report;
    t.diagnostic(`SEED=${SEED}\n${reportOf(report)}`);
    const context = `${reportOf(report)}\n${struck.join('\n')}`;
    assert.deepEqual(violationsOf(findings), [], context);
    assert.ok(sights > 400 * MINUTES && commits > 60 * MINUTES, `too little happened to prove anything. ${context}`);
    const shares = Object.values(quiet.cacheShares);
    assert.ok(tally.cacheShare > SHARE && shares.reduce((sum, share) => sum + share, 0) / shares.length > QUIET_SHARE, `caches answered too little to prove anything of them. ${context}`);
    const kinds = new Set([REPLICA_FAULTS, PRIMARY_FAULTS, SERVER_FAULTS, ...(redisProgram() === null ? [] : [REDIS_FAULTS])].flatMap((faults) => Object.keys(faults)));
    if (MINUTES >= 0.5) assert.ok([...kinds].filter((kind) => tally.faults.has(kind)).length > kinds.size * 0.7, `too little broke. ${context}`);
  });
});
