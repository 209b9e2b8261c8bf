/** The shape of generated SQL: what is quoted, what is cast, and which form a condition takes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quoteIdentifier } from '../../../src/base/sql-text.ts';
import { afterCondition, orderOf, reversed, type SortTerm } from '../../../src/read/sql/order.ts';
import { castType } from '../../../src/read/sql/identifiers.ts';
import { countStatement } from '../../../src/read/sql/count.ts';
import { rowsByKey } from '../../../src/read/sql/rows-by-key.ts';
import { selectSlices } from '../../../src/read/sql/select-many.ts';
import { Params, statementName } from '../../../src/read/sql/statement.ts';
import { TASKS } from './tasks-entity.ts';

const term = (column: string, descending: boolean): SortTerm => ({
  column,
  descending,
  nullable: TASKS.columns.get(column)?.nullable ?? true,
});
const spelled = (
  terms: readonly SortTerm[],
  values: readonly (string | null)[],
): { text: string; values: readonly unknown[] } => {
  const params = new Params();
  return { text: afterCondition(TASKS, terms, values)(params), values: params.values };
};

describe('identifiers and types', () => {
  it('are quoted whole', () => {
    assert.equal(quoteIdentifier('plain'), '"plain"');
    assert.equal(quoteIdentifier('a"; DROP TABLE b; --'), '"a""; DROP TABLE b; --"');
    assert.throws(() => quoteIdentifier('a\u0000b'), TypeError);
  });

  it('lose type modifiers that would change a value before it is compared', () => {
    const cast = (sql: string, array = false): string => castType({ sql, kind: 'other', array });
    assert.equal(cast('character varying(3)'), 'character varying');
    assert.equal(cast('numeric(12, 2)'), 'numeric');
    assert.equal(cast('timestamp(3) with time zone'), 'timestamp with time zone');
    assert.equal(cast('character(4)'), 'bpchar');
    assert.equal(cast('character'), 'bpchar');
    assert.equal(cast('bit(8)'), '"bit"');
    assert.equal(cast('character varying(3)[]', true), 'character varying[]');
    assert.equal(cast('public."numeric(1)"'), 'public."numeric(1)"');
    assert.equal(cast('"char"'), '"char"');
  });

  it('send a list of boxes as texts, since PostgreSQL parts boxes by semicolons and drivers by commas', () => {
    const params = new Params();
    assert.equal(params.add({ sql: 'box[]', kind: 'other', array: true }, ['(1,1),(0,0)']), '$1::text[]::box[]');
    assert.equal(params.add({ sql: 'box', kind: 'other', array: false }, '(1,1),(0,0)'), '$2::box');
  });
});

describe('the condition "after this row"', () => {
  it('is one row comparison where all terms run one way and none can be NULL', () => {
    assert.deepEqual(spelled([term('at', true), term('id', true)], ['2026-01-31T12:00:00Z', '7']), {
      text: '("tasks"."at", "tasks"."id") < ($1::timestamptz, $2::bigint)',
      values: ['2026-01-31T12:00:00Z', '7'],
    });
    assert.equal(spelled([term('id', false)], ['7']).text, '("tasks"."id") > ($1::bigint)');
  });

  it('begins with a bound on the first term where directions differ', () => {
    assert.equal(
      spelled([term('at', true), term('id', false)], ['2026-01-31T12:00:00Z', '7']).text,
      '("tasks"."at" <= $1::timestamptz AND ("tasks"."at" < $1::timestamptz OR ("tasks"."at" = $1::timestamptz AND "tasks"."id" > $2::bigint)))',
    );
  });

  it('takes NULL for the largest value, in both directions', () => {
    const [up, down] = [
      [term('due', false), term('id', false)],
      [term('due', true), term('id', false)],
    ];
    assert.equal(
      spelled(up, ['2026-01-31', '7']).text,
      '(("tasks"."due" > $1::date OR "tasks"."due" IS NULL) OR ("tasks"."due" = $1::date AND "tasks"."id" > $2::bigint))',
    );
    assert.equal(
      spelled(up, [null, '7']).text,
      '("tasks"."due" IS NULL AND ("tasks"."due" IS NULL AND "tasks"."id" > $1::bigint))',
    );
    assert.equal(
      spelled(down, [null, '7']).text,
      '("tasks"."due" IS NOT NULL OR ("tasks"."due" IS NULL AND "tasks"."id" > $1::bigint))',
    );
  });
});

describe('orders', () => {
  it('that the client chose are closed by the primary key, in the direction of the last term', () => {
    const orderArg = {
      argument: 'orderBy',
      values: new Map([
        ['DUE', { column: 'due', descending: true }],
        ['ID', { column: 'id', descending: false }],
      ]),
    };
    const chosen = (given: unknown): unknown =>
      orderOf(
        TASKS,
        {
          orderBy: [
            { column: 'at', descending: false },
            { column: 'id', descending: false },
          ],
          orderArg,
        },
        { orderBy: given },
      ).terms.map(({ column, descending }) => `${column} ${descending ? 'down' : 'up'}`);
    assert.deepEqual(chosen('DUE'), ['due down', 'id down']);
    assert.deepEqual(chosen(['ID', 'DUE']), ['id up', 'due down'], 'a column already sorted by is not named again');
    assert.deepEqual(chosen([]), ['at up', 'id up']);
    assert.throws(() => chosen(['ID', 'ID', 'ID']), /more orders than there are/);
  });

  it('reversed twice are the same orders', () => {
    const terms = [term('due', true), term('id', false)];
    assert.deepEqual(reversed(reversed(terms)), terms);
    assert.notDeepEqual(reversed(terms), terms);
  });
});

describe('statements', () => {
  const slice = {
    entity: TASKS,
    joinColumns: ['project_id'],
    conditions: [],
    order: [term('due', true), term('id', true)],
    limit: 6,
    prepared: true,
  };

  it('read a slice of each parent with one array parameter, values apart from the text', () => {
    const { text, values, name } = selectSlices(slice, [['1'], ['2']]);
    assert.match(
      text,
      /FROM unnest\(\$1::bigint\[\]\) WITH ORDINALITY AS "\$keys"\("\$0", "\$ordinal"\) CROSS JOIN LATERAL \(SELECT .* FROM "public"."tasks" AS "tasks" WHERE "tasks"."project_id" = "\$keys"."\$0" ORDER BY "tasks"."due" DESC NULLS FIRST, "tasks"."id" DESC LIMIT \$2::bigint\)/,
    );
    assert.deepEqual(values, [['1', '2'], 6]);
    assert.equal(name, statementName(text));
    assert.equal(name, selectSlices({ ...slice, limit: 100 }, [['9']]).name, 'whatever the parents and sizes');
    assert.ok(Buffer.byteLength(name) <= 63);
  });

  it('select as text values that a driver would damage', () => {
    const { text } = rowsByKey({ entity: TASKS, columns: ['id'] }, [['1']]).statement;
    assert.equal(
      text,
      'SELECT "tasks"."id"::text AS "id", "tasks"."project_id"::text AS "project_id", "tasks"."title" AS "title", "tasks"."due"::text AS "due", "tasks"."at"::text AS "at", "tasks"."labels"::text[] AS "labels" FROM "public"."tasks" AS "tasks" WHERE "tasks"."id" = ANY($1::bigint[])',
    );
  });

  it('compute all counts of a relation in one pass over the rows that any of them needs', () => {
    const due = { conditions: [() => 'due < now()'], prepared: true };
    const done = { conditions: [() => 'done'], prepared: true };
    const text = (counts: (typeof due)[]): string =>
      countStatement({ entity: TASKS, joinColumns: [], counts }, null).text;
    assert.equal(
      text([due, done]),
      'SELECT count(*) FILTER (WHERE due < now()) AS "$count0", count(*) FILTER (WHERE done) AS "$count1" FROM "public"."tasks" AS "tasks" WHERE (due < now() OR done)',
    );
    assert.equal(
      text([due, { conditions: [], prepared: true }]),
      'SELECT count(*) FILTER (WHERE due < now()) AS "$count0", count(*) AS "$count1" FROM "public"."tasks" AS "tasks"',
    );
    assert.equal(text([due]), 'SELECT count(*) AS "$count0" FROM "public"."tasks" AS "tasks" WHERE (due < now())');
  });
});
