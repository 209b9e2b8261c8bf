/**
 * Proves that concurrent writes are settled as the schema declares, under load: 200 editors in two regions, 20 rows,
 * every policy and every rule of MERGE. Each acknowledged edit is in the row or in a resolution that the audit records,
 * and every other edit was refused as a whole, with an error to its author. SEED replays the choices; EDITORS, ROUNDS
 * and TROUBLES make it longer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type TestApp } from '../support/app.ts';
import { breakThings } from '../support/editors/faults.ts';
import { inWords } from '../support/editors/judge.ts';
import { judged } from '../support/editors/report.ts';
import { startEditorsApp } from '../support/editors/schema.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const EDITORS = Number(process.env['EDITORS'] ?? 200);
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
const TROUBLES = Number(process.env['TROUBLES'] ?? 1);
/** However slow the machine is: an edit that has begun is seen to its end. */
const LIMIT_MS = ROUNDS * 4_000;
const RULES = ['ADD', 'MAX', 'MIN', 'UNION', 'APPEND', 'LAST_WRITE_WINS'];
const OUTCOMES = ['MERGED', 'OVERWRITTEN', 'HANDLED', 'REJECTED'];

describe(`editors of the same rows (SEED=${SEED} EDITORS=${EDITORS} ROUNDS=${ROUNDS} TROUBLES=${TROUBLES})`, () => {
  let app: TestApp;
  before(async () => {
    app = await startEditorsApp();
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it(
    'lose no acknowledged edit, and are told of every edit that was refused or changed',
    { timeout: 60_000 + 4 * LIMIT_MS },
    async (t) => {
      const { findings, done, refused, audited, rules, run, summary } = await judged(app, {
        seed: SEED,
        editors: EDITORS,
        rounds: ROUNDS,
        limitMs: LIMIT_MS,
      });
      t.diagnostic(summary);
      assert.equal(inWords(findings), '', `SEED=${SEED} ${summary}`);
      assert.ok(done >= EDITORS && refused >= EDITORS / 20, `too little happened to prove anything: ${summary}`);
      for (const outcome of OUTCOMES)
        assert.ok((audited.get(outcome) ?? 0) >= EDITORS / 40, `too few conflicts ended as ${outcome}: ${summary}`);
      assert.deepEqual(
        RULES.filter((rule) => !rules.has(rule)),
        [],
        `no two edits of one field met under these rules: ${summary}`,
      );
      assert.ok((run.counts.get('replayed') ?? 0) > 0, `nobody repeated a request: ${summary}`);
    },
  );

  it(
    'lose no edit and repeat none while servers, connections, links and the primary fail',
    { timeout: 60_000 + TROUBLES * 120_000 },
    async (t) => {
      const struck: string[] = [];
      const trouble = (): Promise<void> =>
        breakThings(app, {
          seed: SEED,
          times: TROUBLES,
          onStrike: (name, ms) => struck.push(`${name} (${(ms / 1_000).toFixed(1)} s)`),
        });
      const { findings, done, audited, run, summary } = await judged(app, {
        seed: SEED + 1,
        editors: EDITORS,
        rounds: Infinity,
        thinkMs: 1_000,
        limitMs: 0,
        trouble,
      });
      t.diagnostic(`${summary}; ${struck.join(', ')}`);
      assert.equal(inWords(findings), '', `SEED=${SEED} ${summary}; ${struck.join(', ')}`);
      for (const outcome of OUTCOMES)
        assert.ok((audited.get(outcome) ?? 0) > 0, `no conflict ended as ${outcome}: ${summary}`);
      const codes = ['no server', 'PRIMARY_UNAVAILABLE', 'replayed'];
      assert.ok(
        done >= EDITORS / 2 && codes.every((code) => run.counts.has(code)),
        `too little broke, or happened meanwhile, to prove anything: ${summary}`,
      );
    },
  );
});
