/**
 * Proves the promise under faults, in the short form, in a database of UTF-8 or, with an odd SEED, of LATIN1: clients
 * move between three regions, read and write with their tokens, and other programs write without Meridian, while
 * replicas, links, tails, slots, Redis and servers fail and come back. SEED replays the choices of a run, MINUTES sets
 * its length; `npm run soak` is the long form.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PRIMARY_FAULTS, REDIS_FAULTS, REPLICA_FAULTS, SERVER_FAULTS } from '../history-checker/faults.ts';
import { QUIET_SHARE } from '../history-checker/quiet.ts';
import { reportOf, violationsOf } from '../history-checker/report.ts';
import { runHistory } from '../history-checker/run.ts';
import { redisProgram } from '../support/redis.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const MINUTES = Number(process.env['MINUTES'] ?? 0.6);
/**
 * Below this the run says little. Everybody writes and everything breaks all the time, so that caches answer seldom.
 */
const ENOUGH = { sights: 400 * MINUTES, commits: 60 * MINUTES, cached: 120 * MINUTES };

describe(`a history under faults (SEED=${SEED} MINUTES=${MINUTES})`, () => {
  it(
    'has no read older than its token, no value that was never written, and no difference from the database at the end',
    { timeout: 3 * MINUTES * 60_000 + 240_000 },
    async (t) => {
      const report = await runHistory({
        seed: SEED,
        minutes: MINUTES,
        atLeast: ENOUGH,
        encoding: SEED % 2 === 0 ? 'UTF8' : 'LATIN1',
      });
      const { findings, tally, sights, commits, quiet, struck } = report;
      t.diagnostic(`SEED=${SEED}\n${reportOf(report)}`);
      const context = `${reportOf(report)}\n${struck.join('\n')}`;
      assert.deepEqual(violationsOf(findings), [], context);
      assert.ok(
        sights >= ENOUGH.sights && commits >= ENOUGH.commits,
        `too little happened to prove anything. ${context}`,
      );
      // Without Redis only the holder of a region's slot keeps anything.
      const shares = Object.values(quiet.cacheShares)
        .sort((a, b) => a - b)
        .slice(redisProgram() === null ? 1 : 0);
      assert.ok(
        tally.served.cache >= ENOUGH.cached && shares.every((share) => share >= QUIET_SHARE),
        `caches answered too little to prove anything of them. ${context}`,
      );
      const kinds = new Set(
        [REPLICA_FAULTS, PRIMARY_FAULTS, SERVER_FAULTS, ...(redisProgram() === null ? [] : [REDIS_FAULTS])].flatMap(
          (faults) => Object.keys(faults),
        ),
      );
      if (MINUTES >= 0.5)
        assert.ok(
          [...kinds].filter((kind) => tally.faults.has(kind)).length > kinds.size * 0.7,
          `too little broke. ${context}`,
        );
    },
  );
});
