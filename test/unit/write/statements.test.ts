/** The shape of mutation statements. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type WriteField } from '../../../src/model/model.ts';
import { writeStatement } from '../../../src/write/statements.ts';
import { TASKS } from '../read/tasks-entity.ts';

const field = (kind: WriteField['kind']): WriteField => ({
  kind,
  target: 'Task',
  keyArguments: kind === 'insert' ? new Map() : new Map([['id', 'id']]),
  inputArgument: 'input',
  values: new Map([['title', 'title'], ['dueDate', 'due']]),
  payload: { entityField: null, tokenField: null },
});
const entity = { ...TASKS, columns: new Map([...TASKS.columns].filter(([name]) => ['id', 'title', 'due'].includes(name))) };
const RETURNING = 'RETURNING "tasks"."id"::text AS "id", "tasks"."title" AS "title", "tasks"."due"::text AS "due"';

describe('mutation statements', () => {
  it('write the given fields with casts that cut nothing off, and return the whole row', () => {
    const insert = writeStatement(entity, field('insert'), { input: { dueDate: '2026-01-31', title: 'x' } });
    assert.equal(insert.text, `INSERT INTO "public"."tasks" AS "tasks" ("title", "due") VALUES ($1::character varying, $2::date) ${RETURNING}`);
    assert.deepEqual(insert.values, ['x', '2026-01-31']);
    assert.equal(writeStatement(entity, field('insert'), { input: {} }).text, `INSERT INTO "public"."tasks" AS "tasks" DEFAULT VALUES ${RETURNING}`);
    const update = writeStatement(entity, field('update'), { id: '07', input: { dueDate: null } });
    assert.equal(update.text, `UPDATE "public"."tasks" AS "tasks" SET "due" = $1::date WHERE "tasks"."id" = $2::bigint ${RETURNING}`);
    assert.deepEqual(update.values, [null, '7']);
    assert.equal(writeStatement(entity, field('delete'), { id: 7 }).text, `DELETE FROM "public"."tasks" AS "tasks" WHERE "tasks"."id" = $1::bigint ${RETURNING}`);
  });

  it('never go without a key', () => {
    for (const kind of ['update', 'delete'] as const) assert.throws(() => writeStatement(entity, { ...field(kind), keyArguments: new Map() }, { input: { title: 'x' } }), /no key arguments/);
  });
});
