/** Merging by property: in either order, once or again, and with nothing lost, for edits chosen at random. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDecimal, sum, difference, canonicalDecimal, type Decimal } from '../../../src/conflict/decimal.ts';
import { isSame, keyOf } from '../../../src/conflict/equality.ts';
import { type FieldDecision } from '../../../src/conflict/resolve.ts';
import { type ConflictRule, type Row, type ScalarKind, type SqlType } from '../../../src/model/model.ts';
import { seeded, type Random } from '../../support/random.ts';
import { decide, listOf, merging, rowAfter, settle, type, type Case, type Types } from './fixtures.ts';

const SEED = Number(process.env['MERIDIAN_TEST_SEED'] ?? 20_260_131);
const RUNS = 1_000;

type Make = (random: Random) => unknown;

function digits(random: Random, length: number): string {
  return Array.from({ length }, () => random.below(10)).join('');
}

const MAKE: Readonly<Partial<Record<ScalarKind, Make>>> = {
  int: (random) => random.below(9) - 4,
  bigint: (random) =>
    String(BigInt(`${random.pick(['', '-'])}${1 + random.below(9)}${digits(random, random.pick([0, 1, 17]))}`)),
  numeric: (random) =>
    `${random.pick(['', '-'])}${random.below(9)}${digits(random, random.pick([0, 30]))}${random.pick(['', `.${digits(random, 1 + random.below(20))}`])}`,
  float: (random) => (random.below(41) - 20) / 10,
  text: (random) => random.pick(['', 'a', 'b', 'ab', 'ba', 'abc']),
  date: (random) => random.pick(['2026-01-31', '10000-01-01', '0044-03-15 BC', 'infinity', '0999-12-31']),
  time: (random) => `0${random.below(3)}:30:00${random.pick(['', '.5', '.45'])}`,
  timestamp: (random) => `2026-01-0${1 + random.below(3)}T09:30:00${random.pick(['', '.5', '.000001'])}`,
  timestamptz: (random) => `2026-01-0${1 + random.below(3)}T09:30:00${random.pick(['', '.5', '.000001'])}Z`,
};
const make = (of: SqlType, random: Random): unknown => {
  const one = MAKE[of.kind] as Make;
  return of.array ? Array.from({ length: random.below(4) }, () => one(random)) : one(random);
};
const ADDABLE = (['int', 'bigint', 'numeric'] as const).map((kind) => type(kind));
const ORDERED = [
  ...ADDABLE,
  ...(['float', 'date', 'time', 'timestamp', 'timestamptz'] as const).map((kind) => type(kind)),
];
const LISTS = (['text', 'int', 'numeric'] as const).map(listOf);

/** Runs a property with its seed at hand when it does not hold. */
function always(name: string, property: (random: Random) => void): void {
  it(name, () => {
    const random = seeded(SEED);
    for (let run = 0; run < RUNS; run += 1) {
      try {
        property(random);
      } catch (error) {
        throw new Error(`run ${run} of MERIDIAN_TEST_SEED=${SEED}`, { cause: error });
      }
    }
  });
}

/** Editors of one base write one after the other. */
function inOrder(rule: ConflictRule, of: SqlType, base: unknown, edits: readonly unknown[]): unknown {
  return edits.reduce((theirs, mine) => {
    const settled = settle(rule, of, [base, theirs, mine]);
    assert.ok(settled, `${rule} clashes: ${JSON.stringify({ base, theirs, mine })}`);
    return settled.value;
  }, base);
}

const asSet = (of: SqlType, value: unknown): readonly string[] =>
  [...new Set((value as readonly unknown[]).map((item) => keyOf(of, item)))].sort();
const decimal = (value: unknown): Decimal => parseDecimal(String(value)) as Decimal;

describe('editors of one base', () => {
  always('who ADD come to the sum of their differences, in every order and to the last digit', (random) => {
    const of = random.pick(ADDABLE);
    const base = make(of, random);
    const edits = Array.from({ length: 2 + random.below(2) }, () => make(of, random));
    const total = edits.reduce<Decimal>(
      (total, edit) => sum(total, difference(decimal(edit), decimal(base))),
      decimal(base),
    );
    for (const order of [edits, [...edits].reverse(), random.shuffled(edits)])
      assert.equal(
        canonicalDecimal(decimal(inOrder('ADD', of, base, order))),
        canonicalDecimal(total),
        JSON.stringify({ base, order }),
      );
  });

  always('who ADD floats come to the same in either order', (random) => {
    const [base, a, b] = [make(type('float'), random), make(type('float'), random), make(type('float'), random)];
    assert.equal(inOrder('ADD', type('float'), base, [a, b]), inOrder('ADD', type('float'), base, [b, a]));
  });

  always('who take MAX or MIN come to one of their values, in every order', (random) => {
    const of = random.pick(ORDERED);
    const rule = random.pick(['MAX', 'MIN'] as const);
    const base = make(of, random);
    const edits = Array.from({ length: 3 }, () => make(of, random)).filter((edit) => !isSame(of, edit, base));
    const outcomes = [edits, [...edits].reverse(), random.shuffled(edits)].map((order) =>
      inOrder(rule, of, base, order),
    );
    for (const outcome of outcomes) {
      assert.ok(isSame(of, outcome, outcomes[0]), JSON.stringify({ base, edits, outcomes }));
      assert.ok((edits.length === 0 ? [base] : edits).some((edit) => isSame(of, edit, outcome)));
    }
    const numbers = edits.map(Number);
    if (of.kind === 'int' && edits.length > 0)
      assert.equal(outcomes[0], rule === 'MAX' ? Math.max(...numbers) : Math.min(...numbers));
  });

  always(
    'who take UNION come to the same set, with what each has added and without what each has removed',
    (random) => {
      const of = random.pick(LISTS);
      const base = make(of, random);
      const edits = Array.from({ length: 3 }, () => make(of, random));
      const wanted = new Set(asSet(of, base));
      for (const edit of edits)
        for (const key of asSet(of, base)) if (!asSet(of, edit).includes(key)) wanted.delete(key);
      for (const edit of edits) for (const key of asSet(of, edit)) if (!asSet(of, base).includes(key)) wanted.add(key);
      for (const order of [edits, [...edits].reverse(), random.shuffled(edits)])
        assert.deepEqual(
          asSet(of, inOrder('UNION', of, base, order)),
          [...wanted].sort(),
          JSON.stringify({ base, order }),
        );
    },
  );

  always('who change different columns come to the same row in either order, whatever the rule', (random) => {
    const types: Types = { a: random.pick(ORDERED), b: random.pick(LISTS), c: type('text'), d: random.pick(ORDERED) };
    const row = (): Row => Object.fromEntries(Object.entries(types).map(([column, of]) => [column, make(of, random)]));
    const [base, other] = [row(), row()];
    const conflicts = merging(random.pick(['REJECT', 'LAST_WRITE_WINS', 'ADD', 'UNION'] as const));
    const edits = [
      { a: other['a'], b: other['b'] },
      { c: other['c'], d: other['d'] },
    ];
    for (const order of [edits, [...edits].reverse()]) {
      const after = order.reduce<Row>(
        (current, incoming) => rowAfter(types, current, decide({ types, conflicts, base, current, incoming })),
        base,
      );
      for (const [column, of] of Object.entries(types)) assert.ok(isSame(of, after[column], other[column]), column);
    }
  });
});

describe('an edit', () => {
  always('whose effect is there already changes nothing', (random) => {
    const rule = random.pick(['MAX', 'MIN', 'UNION', 'LAST_WRITE_WINS'] as const);
    const of = random.pick(rule === 'UNION' ? LISTS : ORDERED);
    const [was, theirs, mine] = [make(of, random), make(of, random), make(of, random)];
    const once = settle(rule, of, [was, theirs, mine]);
    const twice = settle(rule, of, [was, once?.value, mine]);
    assert.ok(once && twice);
    // A row that is as it was has not had the edit: where merging led back there, the edit is written as it is.
    if (isSame(of, once.value, was)) return;
    if (of.array) assert.deepEqual(asSet(of, twice.value), asSet(of, once.value));
    else assert.ok(isSame(of, twice.value, once.value), JSON.stringify({ rule, was, theirs, mine, once, twice }));
  });

  always('of what nobody else has changed is the plain write, under every rule', (random) => {
    const of = random.pick([...ORDERED, ...LISTS, type('text')]);
    const rule = random.pick(['ADD', 'MAX', 'MIN', 'UNION', 'APPEND', 'LAST_WRITE_WINS', 'REJECT'] as const);
    const [was, mine] = [make(of, random), make(of, random)];
    const settled = settle(rule, of, [was, was, mine]);
    assert.deepEqual(settled?.value, isSame(of, was, mine) ? was : mine);
  });
});

describe('a merge', () => {
  const types: Types = {
    n: type('int'),
    m: type('numeric'),
    t: type('text'),
    l: listOf('text'),
    d: type('timestamptz'),
    v: type('int'),
  };
  const rules = ['ADD', 'MAX', 'MIN', 'UNION', 'APPEND', 'LAST_WRITE_WINS', 'REJECT'] as const;
  const maybe = (of: SqlType, random: Random): unknown => (random.below(6) === 0 ? null : make(of, random));

  /** What the column was, is, is wanted as and has become; null where nothing was written. */
  function account(it: Case, column: string, after: Row | null, told: FieldDecision | undefined): void {
    const of = types[column] as SqlType;
    const same = (a: unknown, b: unknown): boolean => isSame(of, a, b);
    const [was, theirs, result] = [it.base?.[column], it.current[column], after?.[column]];
    const mine = column in it.incoming ? it.incoming[column] : was;
    const context = JSON.stringify({ column, was, theirs, mine, result, told });
    if (!same(theirs, was) && !same(result, theirs))
      assert.ok(told && told.rule !== null && told.taken !== 'current', `theirs is lost: ${context}`);
    if (!same(mine, was) && !same(result, mine))
      assert.ok(told && told.rule !== null && told.taken !== 'incoming', `mine is lost: ${context}`);
    if (same(mine, was)) assert.ok(same(result, theirs), `changed by nobody: ${context}`);
    if (told?.taken === 'current') assert.ok(same(result, theirs), context);
    if (told?.taken === 'incoming') assert.ok(same(result, mine), context);
  }

  always('loses nothing: every change is in the row, or told of, or the whole write is refused', (random) => {
    const row = (): Row => Object.fromEntries(Object.entries(types).map(([column, of]) => [column, maybe(of, random)]));
    const [base, mine, theirs] = [row(), row(), row()];
    const current = Object.fromEntries(
      Object.keys(types).map((column) => [column, random.below(2) === 0 ? base[column] : theirs[column]]),
    );
    const incoming = Object.fromEntries(
      Object.keys(types)
        .filter(() => random.below(2) === 0)
        .map((column) => [column, random.below(4) === 0 ? base[column] : mine[column]]),
    );
    const it: Case = {
      types,
      conflicts: merging(
        random.pick(['REJECT', 'LAST_WRITE_WINS', 'MAX'] as const),
        Object.fromEntries(Object.keys(types).map((column) => [column, random.pick(rules)])),
      ),
      base,
      current,
      incoming,
    };
    const decision = decide(it);
    if (decision.kind === 'reject') {
      assert.ok(decision.reason === 'CHANGED' && decision.fields.length > 0);
      for (const column of decision.fields) {
        const of = types[column] as SqlType;
        assert.ok(
          column in incoming &&
            !isSame(of, base[column], current[column]) &&
            !isSame(of, base[column], incoming[column]),
          `${column} is no conflict`,
        );
      }
      return;
    }
    const after = rowAfter(types, current, decision);
    for (const column of Object.keys(types))
      account(
        it,
        column,
        after,
        decision.fields.find((field) => field.column === column),
      );
    const written = [...decision.values.keys()];
    assert.ok(
      written.every((column) => column in incoming),
      'only what the writer sets is written',
    );
    const asGiven = Object.keys(incoming).every((column) =>
      isSame(types[column] as SqlType, after[column], incoming[column]),
    );
    assert.equal(decision.winner, written.length === 0 ? 'CURRENT' : asGiven ? 'INCOMING' : 'BOTH');
  });
});
