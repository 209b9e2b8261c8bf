import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toLsn } from '../../../src/base/lsn.ts';
import { Judge } from '../../history-checker/judge.ts';
import { clientPlan, faultPlan, sidePlan } from '../../history-checker/plan.ts';
import { Witness, type Answered, type Sight } from '../../history-checker/record.ts';
import { CREATED, rowSight, TASK } from '../../history-checker/shapes.ts';
import { type TruthRow } from '../../history-checker/tables.ts';
import { Truth } from '../../history-checker/truth.ts';

const task = (id: number, project: number, title: string): TruthRow => ({
  id: String(id),
  project_id: String(project),
  organization_id: '1',
  assignee_id: null,
  title,
  description: null,
  status: 'TODO',
  priority: '1',
  version: '1',
  due_date: null,
  created_at: `2026-01-01 00:00:0${id}+00`,
  updated_at: '2026-01-01 00:00:00+00',
});
const object = (row: TruthRow): Record<string, unknown> => ({
  ...row,
  createdAt: row['created_at']?.replace(' ', 'T').replace('+00', 'Z'),
  updatedAt: '2026-01-01T00:00:00Z',
});
const lsn = (n: number): ReturnType<typeof toLsn> => toLsn(BigInt(n));

/** Task 1 is renamed at 10, moves from project 1 to project 2 at 20 and is deleted at 30; task 2 stays in project 2. */
function truth(): Truth {
  const known = new Truth();
  const states = [task(1, 1, 'old'), task(1, 1, 'new'), task(1, 2, 'new'), null];
  known.begin('tasks', [states[0] as TruthRow, task(2, 2, 'other')]);
  for (const i of [1, 2, 3])
    known.add({
      lsn: lsn(i * 10),
      endLsn: lsn(i * 10 + 3),
      xid: i,
      toldAtMs: i * 1_000,
      touches: [{ table: 'tasks', id: '1', before: states[i - 1] ?? null, after: states[i] ?? null }],
    });
  known.reach(lsn(100));
  return known;
}

const page = (project: number, rows: readonly TruthRow[]): Sight => ({
  selection: { table: 'tasks', column: 'project_id', value: String(project), order: CREATED, first: 5 },
  what: 'page',
  columns: ['id', 'title'],
  shown: JSON.stringify({ rows: rows.map((row) => [row['id'], row['title']]), more: false }),
});
const count = (project: number, shown: number): Sight => ({
  selection: { table: 'tasks', column: 'project_id', value: String(project), order: [] },
  what: 'count',
  columns: [],
  shown: String(shown),
});

function verdicts(overrides: Partial<Answered>): string[] {
  const judge = new Judge({ truth: truth(), witness: new Witness(), brokenBetween: () => [], primary: 'us' });
  judge.add({
    n: 1,
    client: 'c',
    region: 'eu',
    server: 'eu',
    what: 'a read',
    asking: { level: 'SESSION', bare: false },
    sentMs: 1,
    answeredMs: 2,
    sent: lsn(0),
    promisedMs: null,
    token: lsn(100),
    servedBy: { cache: 1, replica: 0, primary: 0 },
    sights: [],
    trace: null,
    ...overrides,
  });
  judge.work();
  return judge.findings.map(({ kind }) => kind);
}

describe('the judge of histories', () => {
  const renamed = rowSight(TASK, 'id', '1', object(task(1, 1, 'new')));

  it('accepts an answer that was true at one position between floor and token', () => {
    assert.deepEqual(
      verdicts({
        sent: lsn(15),
        sights: [
          renamed,
          page(1, [task(1, 1, 'new')]),
          page(2, [task(2, 2, 'other')]),
          count(2, 2),
          rowSight(TASK, 'id', '1', null),
        ],
      }),
      [],
    );
    assert.deepEqual(
      verdicts({
        sent: lsn(20),
        token: lsn(20),
        sights: [page(1, []), page(2, [task(1, 2, 'new'), task(2, 2, 'other')]), count(1, 0)],
      }),
      [],
    );
  });

  it('finds an answer that is older than its floor', () => {
    assert.deepEqual(verdicts({ sent: lsn(10), sights: [rowSight(TASK, 'id', '1', object(task(1, 1, 'old')))] }), [
      'stale',
    ]);
    assert.deepEqual(verdicts({ promisedMs: 2_000, sights: [page(1, [task(1, 1, 'new')])] }), ['stale']);
    assert.deepEqual(verdicts({ sent: lsn(30), sights: [count(2, 2)] }), ['stale']);
  });

  it('does not demand a commit of which half was flushed', () => {
    assert.deepEqual(verdicts({ sent: lsn(12), sights: [rowSight(TASK, 'id', '1', object(task(1, 1, 'old')))] }), []);
    assert.deepEqual(verdicts({ sent: lsn(13), sights: [rowSight(TASK, 'id', '1', object(task(1, 1, 'old')))] }), [
      'stale',
    ]);
  });

  it('finds rows that are back after their deletion', () => {
    assert.deepEqual(verdicts({ sent: lsn(30), sights: [renamed] }), ['resurrected']);
  });

  it('finds an answer that its token does not cover', () => {
    assert.deepEqual(verdicts({ token: lsn(9), sights: [renamed] }), ['uncovered']);
    assert.deepEqual(verdicts({ sent: lsn(50), token: lsn(40) }), ['token went back']);
  });

  it('finds an answer that was never true', () => {
    assert.deepEqual(verdicts({ sights: [rowSight(TASK, 'id', '1', object(task(1, 1, 'rolled back')))] }), [
      'invented',
    ]);
  });

  it('finds pages of two moments', () => {
    // Task 1 under its first title was never in project 2.
    assert.deepEqual(verdicts({ sights: [page(2, [task(1, 2, 'old'), task(2, 2, 'other')])] }), ['torn']);
  });

  it('finds snapshots of two moments', () => {
    const snapshot = { asking: { level: 'SNAPSHOT', bare: true } } as const;
    assert.deepEqual(verdicts({ ...snapshot, sights: [count(1, 0), count(2, 2)] }), []);
    assert.deepEqual(verdicts({ ...snapshot, sights: [count(1, 1), count(2, 2)] }), ['torn']);
  });

  it('finds acknowledged writes that are not there', () => {
    assert.deepEqual(verdicts({ trace: { kind: 'value', value: 'new' } }), []);
    assert.deepEqual(verdicts({ trace: { kind: 'value', value: 'new' }, token: lsn(9) }), ['lost write']);
    assert.deepEqual(verdicts({ trace: { kind: 'value', value: 'never' } }), ['lost write']);
    assert.deepEqual(verdicts({ trace: { kind: 'deleted', table: 'tasks', id: '1' }, token: lsn(29) }), ['lost write']);
  });
});

describe('the plan of a history', () => {
  const first = <T>(plan: Generator<T, never>): T[] => Array.from({ length: 50 }, () => plan.next().value);

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(first(clientPlan(7, 'c1')), first(clientPlan(7, 'c1')));
    assert.deepEqual(first(sidePlan(7, 'psql')), first(sidePlan(7, 'psql')));
    assert.deepEqual(first(faultPlan(7, 'eu', ['a', 'b'])), first(faultPlan(7, 'eu', ['a', 'b'])));
    assert.notDeepEqual(first(clientPlan(7, 'c1')), first(clientPlan(8, 'c1')));
    assert.notDeepEqual(first(clientPlan(7, 'c1')), first(clientPlan(7, 'c2')));
  });

  it('uses every fault once before it uses one again', () => {
    const names = ['a', 'b', 'c', 'd'] as const;
    const plan = faultPlan(1, 'eu', names);
    for (let round = 0; round < 5; round += 1)
      assert.deepEqual(names.map(() => plan.next().value.name).sort(), [...names]);
  });
});
