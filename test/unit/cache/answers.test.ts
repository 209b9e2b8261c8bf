/** Kept answers of whole operations: the guard, what removes them, the bounds, and that nothing stays behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerItem } from '../../../src/cache/answers.ts';
import { type Tag } from '../../../src/change/tags.ts';
import { seeded } from '../../support/random.ts';
import { at, batch, generation, living, lsn, ofProject, PROJECTS, task, TASKS } from './fixtures.ts';

const answer = (name: string, tags: readonly Tag[], asOf = 100, rest: Partial<AnswerItem> = {}): AnswerItem => ({
  name,
  tags,
  asOf: lsn(asOf),
  seen: at(asOf),
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  reads: 1,
  cacheControl: 'no-store',
  body: `{"data":"${name}"}\n`,
  ...rest,
});

test('a kept answer is found by its name until one of the things that it depends on changes', () => {
  const local = living();
  assert.equal(local.keepAnswer('one', answer('a', [task(1), ofProject(7)])), 'stored');
  assert.equal(local.keepAnswer('one', answer('b', [task(2), ofProject(7)])), 'stored');
  assert.equal(local.answer('a')?.body, '{"data":"a"}\n');
  assert.equal(local.answer('c'), undefined);
  local.apply(batch(110, [task(3)]));
  assert.ok(local.answer('a') && local.answer('b'));
  local.apply(batch(120, [task(1)]));
  assert.equal(local.answer('a'), undefined);
  assert.ok(local.answer('b'));
  local.apply(batch(130, [ofProject(7)]));
  assert.equal(local.answer('b'), undefined);
});

test('an answer is not kept if anything that it depends on was invalidated after its first read', () => {
  const local = living();
  local.apply(batch(110, [task(1)]));
  assert.equal(local.keepAnswer('one', answer('a', [task(2), task(1)], 100)), 'stale');
  assert.equal(local.keepAnswer('one', answer('a', [task(2), task(1)], 110)), 'stored');
  local.apply(batch(120, [], { tables: [PROJECTS] }));
  assert.equal(local.keepAnswer('one', answer('b', [task(2)], 110)), 'stored');
  local.apply(batch(130, [], { tables: [TASKS] }));
  assert.equal(local.keepAnswer('one', answer('c', [task(9)], 120)), 'stale');
});

test('an answer is not kept below the horizon, nor where a newer one of its name is', () => {
  const local = living();
  local.apply(batch(150, [], { horizon: lsn(140) }));
  assert.equal(local.keepAnswer('one', answer('a', [task(1)], 139)), 'stale');
  assert.equal(local.keepAnswer('one', answer('a', [task(1)], 145)), 'stored');
  assert.equal(local.keepAnswer('one', answer('a', [task(1)], 142)), 'stale');
  assert.equal(local.answer('a')?.asOf, lsn(145));
});

test('an answer of a table that was invalidated as a whole is not found', () => {
  const local = living();
  local.keepAnswer('one', answer('a', [task(1)]));
  local.apply(batch(110, [], { tables: [TASKS] }));
  assert.equal(local.answer('a'), undefined);
  assert.equal(local.figures().answers, 0);
});

test('an answer that is as new as an invalidation stays', () => {
  const local = living();
  local.keepAnswer('one', answer('a', [task(1)], 120));
  local.apply(batch(120, [task(1)]));
  assert.ok(local.answer('a'));
});

test('answers end with the life in which their operation began', () => {
  const local = living();
  local.keepAnswer('one', answer('a', [task(1)]));
  local.lose('a message was missed');
  assert.equal(local.answer('a'), undefined);
  local.begin(generation('two'), lsn(200));
  assert.equal(local.answer('a'), undefined);
  assert.equal(local.keepAnswer('one', answer('a', [task(1)], 300)), 'ended');
  assert.equal(local.keepAnswer('two', answer('a', [task(1)], 300)), 'stored');
});

test('answers are bounded in bytes, and the least used go first', () => {
  const local = living({ operationCacheBytes: 3_000 });
  for (const name of ['a', 'b', 'c', 'd']) local.keepAnswer('one', answer(name, [task(1)]));
  assert.ok(local.answer('a'));
  for (const name of ['e', 'f']) local.keepAnswer('one', answer(name, [task(1)]));
  assert.ok(local.answer('a'));
  assert.equal(local.answer('b'), undefined);
  assert.ok(local.figures().answerBytes <= 3_000);
  assert.equal(living({ operationCacheBytes: 0 }).keepAnswer('one', answer('a', [task(1)])), 'full');
  assert.equal(
    living({ operationCacheValueBytes: 1_024 }).keepAnswer(
      'one',
      answer('a', [task(1)], 100, { body: 'x'.repeat(1_025) }),
    ),
    'full',
  );
});

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`no answer stays that depends on a tag which was invalidated above it (SEED=${SEED})`, () => {
  const random = seeded(SEED);
  for (let run = 0; run < 50; run += 1) {
    const local = living({ operationCacheBytes: 2_000 + random.below(20_000) });
    const invalidated = new Map<Tag, number>();
    for (let step = 0, now = 100; step < 200; step += 1) {
      const tags = Array.from({ length: 1 + random.below(4) }, () => task(random.below(12)));
      if (random.below(3) === 0) {
        now += 1 + random.below(5);
        local.apply(batch(now, tags));
        for (const tag of tags) invalidated.set(tag, now);
      } else local.keepAnswer('one', answer(`n${random.below(20)}`, [...new Set(tags)], now - random.below(10)));
      for (let n = 0; n < 20; n += 1) {
        const found = local.answer(`n${n}`);
        assert.ok(
          !found?.tags.some((tag) => (invalidated.get(tag) ?? 0) > Number(found.asOf)),
          `answer n${n} of run ${run}, step ${step}`,
        );
      }
    }
    local.apply(
      batch(
        1_000_000,
        Array.from({ length: 12 }, (_, i) => task(i)),
      ),
    );
    assert.deepEqual(
      { answers: local.figures().answers, answerBytes: local.figures().answerBytes },
      { answers: 0, answerBytes: 0 },
    );
  }
});
