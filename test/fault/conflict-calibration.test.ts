/**
 * Proves the checker of concurrent edits: it finds a violation with edits without versions and with servers that lack
 * one mechanism.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EU, US, type TestApp } from '../support/app.ts';
import { startBroken } from '../support/editors/broken.ts';
import { inWords, type FindingKind } from '../support/editors/judge.ts';
import { judged } from '../support/editors/report.ts';
import { startEditorsApp } from '../support/editors/schema.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RUN = { seed: SEED, editors: 100, rounds: 3, limitMs: 8_000 };
const TEST_MS = 120_000;

/** What is found without it, at least. */
const MECHANISMS: readonly (readonly [mechanism: string, kinds: readonly FindingKind[]])[] = [
  ['sum-of-both', ['total', 'effect']],
  ['lock-of-the-row', ['effect', 'audit']],
  ['claim-of-the-key', ['told', 'version']],
  ['record-of-refusals', ['audit']],
];

const MAX_ROUNDS = 3;

describe(`the checker of concurrent edits (SEED=${SEED})`, () => {
  let app: TestApp;
  before(async () => {
    app = await startEditorsApp();
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it(
    'names the fields that lose edits when no editor sends the version that it saw',
    { timeout: TEST_MS },
    async (t) => {
      const unnoticed = new Set(['hits', 'score', 'tags', 'log', 'story', 'points']);
      // Which fields two editors change at once is left to chance: one round need not have met all of them.
      for (let round = 0; round < MAX_ROUNDS && unnoticed.size > 0; round += 1) {
        const { findings, summary } = await judged(app, { ...RUN, blind: true });
        t.diagnostic(`${summary}\n${inWords(findings)}`);
        const totals = findings.filter(({ kind }) => kind === 'total').map(({ text }) => text);
        for (const field of unnoticed)
          if (totals.some((text) => text.includes(`: ${field} is `))) unnoticed.delete(field);
      }
      assert.deepEqual([...unnoticed], [], `nobody noticed that these fields have lost edits in ${MAX_ROUNDS} rounds`);
    },
  );

  for (const [mechanism, kinds] of MECHANISMS) {
    it(`finds a violation with servers without the ${mechanism}`, { timeout: TEST_MS }, async (t) => {
      await using servers = await startBroken(app, mechanism, [EU, US]);
      const { findings, done, summary } = await judged(app, { ...RUN, url: servers.url });
      t.diagnostic(`${summary}\n${inWords(findings)}`);
      assert.ok(done > 0, `servers without it do nothing at all: ${summary}`);
      const found = new Set(findings.map(({ kind }) => kind));
      assert.deepEqual(
        kinds.filter((kind) => !found.has(kind)),
        [],
        `${summary}\n${inWords(findings)}`,
      );
    });
  }
});
