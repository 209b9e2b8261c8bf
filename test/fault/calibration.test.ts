/**
 * Proves the history checker: it finds a violation with servers that lack one mechanism, and none with complete servers
 * under the same faults.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { calibrate } from '../history-checker/calibrate.ts';
import { type Finding } from '../history-checker/judge.ts';
import { startPlace, type Place } from '../history-checker/place.ts';
import { violationsOf } from '../history-checker/report.ts';
import { redisOrSkip } from '../support/redis.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const LIMIT_MS = 60_000;
/** Whether the narrow moment comes in which a mechanism matters is chance: other seeds are tried. */
const ROUNDS = 4;
const WHOLE_MS = 6_000;
/** Where a mechanism is in processes and in Redis, in one of them at a time. */
const MECHANISMS = [
  'fill-guard-of-processes',
  'fill-guard-of-redis',
  'tombstones-of-processes',
  'tombstones-of-redis',
  'sequence-gap',
  'watermark-test',
  'flushed-before-shown',
  'tags-as-utf8',
  'schema-changes',
  'truncates',
  'guard-of-answers',
  'dependencies-of-answers',
  'shortcuts',
];
const TROUBLES = [
  'fill-guard',
  'sequence-gap',
  'watermark-test',
  'flushed-before-shown',
  'tags-as-utf8',
  'schema-changes',
  'truncates',
];

describe(`the history checker (SEED=${SEED})`, { skip: redisOrSkip().skip }, () => {
  let place: Place;
  before(async () => {
    // In a database of this encoding, what is sent in another than UTF-8 shows.
    place = await startPlace({ encoding: 'LATIN1' });
  });
  after(async () => place?.[Symbol.asyncDispose]());

  for (const mechanism of MECHANISMS) {
    it(
      `finds a violation in the history of servers without the ${mechanism}`,
      { timeout: (ROUNDS + 2) * LIMIT_MS },
      async (t) => {
        let [findings, sights]: [readonly Finding[], number] = [[], 0];
        for (let round = 0; round < ROUNDS && findings.length === 0; round += 1) {
          const found = await calibrate(place, { mechanism, broken: true, seed: SEED + round, limitMs: LIMIT_MS });
          [findings, sights] = [found.findings, sights + found.sights];
          t.diagnostic(
            `${found.findings.length} findings in ${found.sights} sights after ${(found.ms / 1_000).toFixed(1)} s`,
          );
        }
        assert.ok(findings.length > 0, `nobody noticed in ${sights} sights that the ${mechanism} is missing`);
        const kinds = new Set(findings.map(({ kind }) => kind));
        assert.ok(
          [...kinds].some((kind) => kind === 'stale' || kind === 'resurrected' || kind === 'invented'),
          violationsOf(findings).join('\n'),
        );
      },
    );
  }

  it(
    'finds no violation in the history of complete servers under the same faults',
    { timeout: 3 * LIMIT_MS },
    async (t) => {
      for (const mechanism of TROUBLES) {
        const { findings, sights, tally } = await calibrate(place, {
          mechanism,
          broken: false,
          seed: SEED,
          limitMs: WHOLE_MS,
        });
        t.diagnostic(`${mechanism}: ${sights} sights, caches answered ${(100 * tally.cacheShare).toFixed(0)} %`);
        assert.deepEqual(violationsOf(findings), []);
      }
    },
  );
});
