/**
 * Policies by example: how each write ends whose author has not seen the latest version, who has won, and what is told.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { JsonNumber } from '../../../src/base/json.ts';
import {
  resolveDelete,
  resolveInsertOfExisting,
  resolveUpdateOfDeleted,
  type ConflictHandler,
  type Decision,
} from '../../../src/conflict/resolve.ts';
import { NO_CONFLICTS, type Conflicts } from '../../../src/model/model.ts';
import { decide, given, listOf, merging, type, type Case } from './fixtures.ts';

const TYPES = {
  id: type('bigint'),
  version: type('int'),
  title: type('text'),
  status: type('enum'),
  estimate: type('numeric'),
  points: type('int'),
  labels: listOf('text'),
  extra: type('json'),
};
const FIXED = new Set(['id', 'version']);
const BASE = {
  id: '1',
  version: 3,
  title: 'Paint',
  status: 'TODO',
  estimate: '1.50',
  points: 5,
  labels: ['a'],
  extra: { k: [1] },
};
const CURRENT = { ...BASE, version: 4, title: 'Paint it', points: 6 };

const clash = (
  conflicts: Partial<Conflicts>,
  incoming: Case['incoming'],
  sides: Partial<Pick<Case, 'base' | 'current'>> = {},
): Case => ({ types: TYPES, conflicts, base: BASE, current: CURRENT, incoming, ...sides });
const decideFixed = (it: Case): Decision => decide(it, { fixed: FIXED });

/** The version as it was kept before the table had the column. */
const without = (column: string): Case['current'] =>
  Object.fromEntries(Object.entries(BASE).filter(([name]) => name !== column));

/** As plain data. */
function plain(decision: Decision): unknown {
  return decision.kind === 'write'
    ? {
        values: Object.fromEntries(decision.values),
        winner: decision.winner,
        fields: decision.fields.map(({ column, rule, taken }) => `${column} ${rule ?? '-'} ${taken}`),
      }
    : decision;
}

describe('the policy REJECT', () => {
  it('names the columns that both sides have changed, else those that the other side has changed, else those of the write', () => {
    assert.deepEqual(decideFixed(clash({}, { title: 'Sand', status: 'DONE' })), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: ['title'],
    });
    assert.deepEqual(decideFixed(clash({}, { status: 'DONE' })), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: ['title', 'points'],
    });
    assert.deepEqual(decideFixed(clash({}, { status: 'DONE', title: 'x' }, { base: null })), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: ['status', 'title'],
    });
    assert.deepEqual(
      decideFixed(clash({}, { estimate: '1.5', extra: { k: [1] } }, { current: { ...BASE, estimate: '1.5000' } })),
      { kind: 'reject', reason: 'CHANGED', fields: [] },
    );
  });
});

describe('the policy LAST_WRITE_WINS', () => {
  it('writes all values, and reports which columns that has overwritten', () => {
    assert.deepEqual(
      plain(decideFixed(clash({ policy: 'LAST_WRITE_WINS' }, { title: 'Paint', status: 'DONE', labels: ['a'] }))),
      {
        values: { title: 'Paint', status: 'DONE', labels: ['a'] },
        winner: 'INCOMING',
        fields: ['title LAST_WRITE_WINS incoming', 'status - incoming', 'points - current'],
      },
    );
  });
  it('reports every column that differs as overwritten where the older version is not kept', () => {
    assert.deepEqual(
      plain(
        decideFixed(
          clash(
            { policy: 'LAST_WRITE_WINS' },
            { points: 6 },
            { base: without('points'), current: { ...BASE, points: null } },
          ),
        ),
      ),
      { values: { points: 6 }, winner: 'INCOMING', fields: ['points LAST_WRITE_WINS incoming'] },
    );
    assert.deepEqual(
      plain(
        decideFixed(
          clash({ policy: 'LAST_WRITE_WINS' }, { title: 'Sand', estimate: '1.5', points: 6 }, { base: null }),
        ),
      ),
      {
        values: { title: 'Sand', estimate: '1.5', points: 6 },
        winner: 'INCOMING',
        fields: ['title LAST_WRITE_WINS incoming'],
      },
    );
  });
});

describe('the policy MERGE', () => {
  it('takes from each side what only that side has changed', () => {
    assert.deepEqual(plain(decideFixed(clash(merging('REJECT'), { status: 'DONE' }))), {
      values: { status: 'DONE' },
      winner: 'INCOMING',
      fields: ['status - incoming', 'title - current', 'points - current'],
    });
    assert.deepEqual(plain(decideFixed(clash(merging('REJECT'), { title: 'Paint', status: 'DONE' }))), {
      values: { status: 'DONE' },
      winner: 'BOTH',
      fields: ['title - current', 'status - incoming', 'points - current'],
    });
    assert.deepEqual(plain(decideFixed(clash(merging('REJECT'), { title: 'Paint', points: 5 }))), {
      values: {},
      winner: 'CURRENT',
      fields: ['title - current', 'points - current'],
    });
  });
  it("follows each column's rule, and the entity's where it has none", () => {
    assert.deepEqual(
      plain(decideFixed(clash(merging('LAST_WRITE_WINS', { points: 'ADD' }), { title: 'Sand', points: 8 }))),
      {
        values: { title: 'Sand', points: 9 },
        winner: 'BOTH',
        fields: ['title LAST_WRITE_WINS incoming', 'points ADD merged'],
      },
    );
  });
  it('writes nothing where both have done the same', () => {
    assert.deepEqual(plain(decideFixed(clash(merging('REJECT'), { title: 'Paint it', points: 6 }))), {
      values: {},
      winner: 'CURRENT',
      fields: ['title REJECT current', 'points REJECT current'],
    });
  });
  it('refuses the whole write for one column in conflict, and names only the columns in conflict', () => {
    assert.deepEqual(
      decideFixed(clash(merging('REJECT', { points: 'MAX' }), { title: 'Sand', points: 8, status: 'DONE' })),
      { kind: 'reject', reason: 'CHANGED', fields: ['title'] },
    );
  });
  it('refuses a write where the older version is not kept, or lacks a column that its rule must compare', () => {
    assert.deepEqual(decideFixed(clash(merging('LAST_WRITE_WINS'), { title: 'Sand' }, { base: null })), {
      kind: 'reject',
      reason: 'VERSION_UNKNOWN',
      fields: ['title'],
    });
    const older = without('points');
    assert.deepEqual(decideFixed(clash(merging('ADD'), { points: 6 }, { base: older })), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: ['points'],
    });
    assert.deepEqual(plain(decideFixed(clash(merging('MAX'), { points: 8 }, { base: older }))), {
      values: { points: 8 },
      winner: 'INCOMING',
      fields: ['points MAX incoming', 'title - current'],
    });
  });
  it('takes other spellings of the same value for no change', () => {
    assert.deepEqual(
      plain(
        decideFixed(
          clash(
            merging('REJECT'),
            { estimate: '1.5', extra: { k: [1] } },
            { current: { ...CURRENT, estimate: '2.00', extra: 7 } },
          ),
        ),
      ),
      {
        values: {},
        winner: 'CURRENT',
        fields: ['estimate - current', 'extra - current', 'title - current', 'points - current'],
      },
    );
  });
});

describe('the policy HANDLER', () => {
  const conflicts = { policy: 'HANDLER', handler: 'settleTask' } as const;
  const ask = (handler: ConflictHandler | null, sides: Partial<Pick<Case, 'base'>> = {}): Decision =>
    decide(clash(conflicts, { title: 'Sand', points: 8, extra: { n: 1 } }, sides), { fixed: FIXED, handler });

  it('shows the function all three rows as a reader sees them, and writes what it sets', () => {
    let seen: unknown;
    const decision = ask((conflict) => {
      seen = structuredClone(conflict);
      (conflict.current as Record<string, unknown>)['points'] = 'spoilt';
      return {
        set: { title: `${String(conflict.current['title'])} / Sand`, points: 8, estimate: 2, status: undefined },
      };
    });
    assert.deepEqual(seen, { base: BASE, current: CURRENT, incoming: { title: 'Sand', points: 8, extra: { n: 1 } } });
    assert.deepEqual(plain(decision), {
      values: { title: 'Paint it / Sand', points: 8, estimate: '2' },
      winner: 'BOTH',
      fields: ['title HANDLER merged', 'points HANDLER incoming', 'extra HANDLER current', 'estimate HANDLER merged'],
    });
  });
  it('passes on the numbers of a document with every digit', () => {
    const extra = { n: new JsonNumber('9007199254740993'), p: [new JsonNumber('1.10')] };
    let seen: unknown;
    const decision = decide(clash(conflicts, { extra }), {
      fixed: FIXED,
      handler: ({ incoming }) => {
        seen = incoming['extra'];
        return { set: { extra: { ...(incoming['extra'] as object), more: new JsonNumber('1e400') } } };
      },
    });
    assert.deepEqual(seen, extra);
    assert.equal(
      decision.kind === 'write' ? decision.values.get('extra') : null,
      '{"n":9007199254740993,"p":[1.10],"more":1e400}',
    );
  });
  it('reports which side has won', () => {
    assert.deepEqual(plain(ask(({ incoming }) => ({ set: incoming }))), {
      values: { title: 'Sand', points: 8, extra: '{"n":1}' },
      winner: 'INCOMING',
      fields: ['title HANDLER incoming', 'points HANDLER incoming', 'extra HANDLER incoming'],
    });
    assert.deepEqual(plain(ask(() => ({ set: {} }))), {
      values: {},
      winner: 'CURRENT',
      fields: ['title HANDLER current', 'points HANDLER current', 'extra HANDLER current'],
    });
    assert.deepEqual(plain(ask(({ current }) => ({ set: { title: current['title'] } }))), {
      values: {},
      winner: 'CURRENT',
      fields: ['title HANDLER current', 'points HANDLER current', 'extra HANDLER current'],
    });
    assert.deepEqual(
      ask(({ base }) => ({ reject: base === null ? ['title'] : [] }), { base: null }),
      { kind: 'reject', reason: 'CHANGED', fields: ['title'] },
    );
  });
  it('passes on what the function throws', () => {
    const thrown = new Error('not today');
    assert.throws(
      () =>
        ask(() => {
          throw thrown;
        }),
      (error) => error === thrown,
    );
  });
  it('names the handler and the column in every mistake of an answer', () => {
    const answers: readonly (readonly [unknown, RegExp])[] = [
      [{ set: { titel: 'x' } }, /"titel", which is no column/],
      [{ set: { points: 1.5 } }, /"points" to what it cannot hold; it must be a whole number/],
      [{ set: { labels: 'x' } }, /"labels".* must be a list/],
      [{ set: { version: 9 } }, /"version", which no write may set/],
      [{ reject: ['titel'] }, /rejects "titel"/],
      [{ reject: [7] }, /rejects 7/],
      [{ reject: true }, /must answer \{ set/],
      [{ set: {}, reject: [] }, /must answer/],
      [undefined, /must answer/],
      [{ set: [] }, /must answer/],
      [Promise.reject(new Error('late')), /answers with a promise/],
    ];
    for (const [answer, message] of answers) {
      assert.throws(
        () => ask((() => answer) as ConflictHandler),
        (error) =>
          isMeridianError(error, 'CONFIG_INVALID') &&
          error.message.startsWith('The conflict handler "settleTask" ') &&
          message.test(error.message),
        String(message),
      );
    }
    assert.throws(() => ask(null), /"settleTask" is not there/);
  });
});

describe('a delete of a row that has changed', () => {
  const seen = { types: new Map(Object.entries(TYPES)), fixed: FIXED, current: CURRENT };
  it('is refused with what has changed, or goes on', () => {
    assert.deepEqual(resolveDelete(NO_CONFLICTS, { ...seen, base: BASE }), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: ['title', 'points'],
    });
    assert.deepEqual(resolveDelete(NO_CONFLICTS, { ...seen, base: null }), {
      kind: 'reject',
      reason: 'CHANGED',
      fields: [],
    });
    assert.deepEqual(resolveDelete({ ...NO_CONFLICTS, deleteChanged: 'DELETE' }, { ...seen, base: null }), {
      kind: 'delete',
    });
  });
});

describe('an update of a row that is gone', () => {
  const conflict = { types: new Map(Object.entries(TYPES)), incoming: given(TYPES, { title: 'Sand', points: 5 }) };
  const restoring = { ...NO_CONFLICTS, updateDeleted: 'RESTORE' } as const;
  it('is refused, or brings the row back as the writer saw it, with the update', () => {
    assert.deepEqual(resolveUpdateOfDeleted(NO_CONFLICTS, { ...conflict, base: BASE }), {
      kind: 'reject',
      reason: 'DELETED',
      fields: ['title', 'points'],
    });
    assert.deepEqual(plain(resolveUpdateOfDeleted(restoring, { ...conflict, base: BASE })), {
      values: { ...BASE, title: 'Sand', extra: '{"k":[1]}' },
      winner: 'INCOMING',
      fields: ['title - incoming'],
    });
  });
  it('is refused where that version is not kept, and leaves columns that came later to their default', () => {
    assert.deepEqual(resolveUpdateOfDeleted(restoring, { ...conflict, base: null }), {
      kind: 'reject',
      reason: 'VERSION_UNKNOWN',
      fields: ['title', 'points'],
    });
    const older = without('labels');
    const decision = resolveUpdateOfDeleted(restoring, { ...conflict, base: older });
    assert.ok(decision.kind === 'write' && !decision.values.has('labels'));
  });
});

describe('an insert of a key that is taken', () => {
  const conflict = {
    types: new Map(Object.entries(TYPES)),
    current: CURRENT,
    incoming: given(TYPES, { id: 1, title: 'Sand', points: 6 }),
  };
  it('is refused, or takes over, or leaves the row as it is', () => {
    assert.deepEqual(resolveInsertOfExisting(NO_CONFLICTS, conflict), {
      kind: 'reject',
      reason: 'EXISTS',
      fields: ['title'],
    });
    assert.deepEqual(plain(resolveInsertOfExisting({ ...NO_CONFLICTS, insertExisting: 'UPDATE' }, conflict)), {
      values: { id: '1', title: 'Sand', points: 6 },
      winner: 'INCOMING',
      fields: ['title LAST_WRITE_WINS incoming'],
    });
    assert.deepEqual(plain(resolveInsertOfExisting({ ...NO_CONFLICTS, insertExisting: 'KEEP' }, conflict)), {
      values: {},
      winner: 'CURRENT',
      fields: ['title - current'],
    });
  });
});
