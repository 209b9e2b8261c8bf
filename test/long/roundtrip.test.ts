/**
 * Proves in the short form that values are returned as PostgreSQL shows them: some column types, different ones in each
 * run, in every place. SEED replays a run, VALUES sets its length; `npm run roundtrip` is the long form. A second part
 * proves the test itself: it finds servers that damage values.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { redisOrSkip } from '../support/redis.ts';
import { VALUE_BREAKS } from '../support/roundtrip/breaks.ts';
import { reportText } from '../support/roundtrip/report.ts';
import { runRoundTrips } from '../support/roundtrip/run.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const VALUES = Number(process.env['VALUES'] ?? 1_500);
/** Column types of one run. */
const SOME = 12;
/** Seeds that are tried with a server that damages values, and samples of each place. */
const ROUNDS = 4;
const SAMPLES = 24;
const BREAK = new URL('../support/break.ts', import.meta.url).href;
const LONG_FORM = fileURLToPath(new URL('roundtrip.ts', import.meta.url));

describe(`values of every type (SEED=${SEED})`, { skip: redisOrSkip().skip }, () => {
  it('are returned from every place as PostgreSQL shows them, or are refused with an error', async (t) => {
    const report = await runRoundTrips({ seed: SEED, values: VALUES, samples: 3, some: SOME });
    t.diagnostic(`SEED=${SEED} ${report.values} values, ${report.checks} checks, ${report.cells.size} cells`);
    assert.equal(report.wrong, 0, reportText(report));
    assert.deepEqual([...report.empty(), ...report.uncached()], [], 'cells through which nothing comes prove nothing');
    assert.ok(report.values >= VALUES && report.cells.size > 20 * SOME, `too little was tried: ${reportText(report)}`);
  });

  for (const [mechanism, { types }] of Object.entries(VALUE_BREAKS)) {
    it(`are found to be wrong at a server that ${mechanism}`, async () => {
      // Whether a sample needs the mechanism is chance: other seeds are tried.
      let found = await withoutMechanism(mechanism, types, SEED);
      for (let round = 1; round < ROUNDS && found.code === 0; round += 1) {
        found = await withoutMechanism(mechanism, types, SEED + round);
      }
      assert.equal(found.code, 1, `nobody noticed: ${found.printed}`);
      assert.match(found.printed, /(?:stores|shows) something else|finds other rows/, found.printed);
    });
  }
});

/** Runs the long form against servers that lack `mechanism`, over every place of these column types once. */
async function withoutMechanism(
  mechanism: string,
  types: readonly string[],
  seed: number,
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const lengths = ['--values', '1', '--samples', String(SAMPLES), '--seed', String(seed)];
  const run = spawn(process.execPath, ['--import', BREAK, LONG_FORM, ...lengths, '--only', types.join(',')], {
    env: { ...process.env, BREAK: mechanism },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  run.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)));
  const [code] = (await once(run, 'close')) as [number | null];
  return { code, printed };
}
