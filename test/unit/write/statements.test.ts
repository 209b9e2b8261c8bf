/** The shape of mutation statements, and what tenants add to them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entity, type TenantReference, type WriteField } from '../../../src/model/model.ts';
import { toMeridianError } from '../../../src/postgres/connect/errors.ts';
import { type Arguments } from '../../../src/read/input.ts';
import { type Statement } from '../../../src/read/ports.ts';
import { Tenancy } from '../../../src/read/sql/tenant.ts';
import { tenantRefusal } from '../../../src/write/tenant.ts';
import { writeStatements } from '../../support/plain-write.ts';
import { TASKS } from '../read/tasks-entity.ts';

const field = (kind: WriteField['kind'], rest: Partial<WriteField> = {}): WriteField => ({
  kind,
  target: 'Task',
  keyArguments: kind === 'insert' ? new Map() : new Map([['id', 'id']]),
  inputArgument: 'input',
  values: new Map([
    ['title', 'title'],
    ['dueDate', 'due'],
  ]),
  references: [],
  expectedVersion: null,
  idempotent: false,
  durability: null,
  payload: { entityField: null, tokenField: null, conflict: null },
  ...rest,
});
const entity = {
  ...TASKS,
  columns: new Map([...TASKS.columns].filter(([name]) => ['id', 'title', 'due'].includes(name))),
};
const RETURNING = 'RETURNING "tasks"."id"::text AS "id", "tasks"."title" AS "title", "tasks"."due"::text AS "due"';

function writeStatement(of: Entity, field: WriteField, args: Arguments): Statement {
  const statements = writeStatements({ entity: of, field, args, tenancy: Tenancy.all });
  assert.equal(statements.length, 1);
  return statements[0] as Statement;
}

describe('mutation statements', () => {
  it('write the given fields with casts that cut nothing off, and return the whole row', () => {
    const insert = writeStatement(entity, field('insert'), { input: { dueDate: '2026-01-31', title: 'x' } });
    assert.equal(
      insert.text,
      `INSERT INTO "public"."tasks" AS "tasks" ("title", "due") VALUES ($1::character varying, $2::date) ${RETURNING}`,
    );
    assert.deepEqual(insert.values, ['x', '2026-01-31']);
    assert.equal(
      writeStatement(entity, field('insert'), { input: {} }).text,
      `INSERT INTO "public"."tasks" AS "tasks" DEFAULT VALUES ${RETURNING}`,
    );
    const update = writeStatement(entity, field('update'), { id: '07', input: { dueDate: null } });
    assert.equal(
      update.text,
      `UPDATE "public"."tasks" AS "tasks" SET "due" = $1::date WHERE "tasks"."id" = $2::bigint ${RETURNING}`,
    );
    assert.deepEqual(update.values, [null, '7']);
    assert.equal(
      writeStatement(entity, field('delete'), { id: 7 }).text,
      `DELETE FROM "public"."tasks" AS "tasks" WHERE "tasks"."id" = $1::bigint ${RETURNING}`,
    );
  });

  it('are never built without a key', () => {
    for (const kind of ['update', 'delete'] as const)
      assert.throws(
        () => writeStatement(entity, { ...field(kind), keyArguments: new Map() }, { input: { title: 'x' } }),
        /no key arguments/,
      );
  });
});

/** A column of the project's own stands for the tenant here. */
const owned = {
  ...entity,
  columns: new Map([
    ...entity.columns,
    [
      'org',
      {
        name: 'org',
        type: { sql: 'bigint', kind: 'bigint', array: false },
        nullable: false,
        hasDefault: false,
        exact: true,
      },
    ] as const,
  ]),
  tenant: 'org',
} as const satisfies Entity;
const RETURNS = `${RETURNING}, "tasks"."org"::text AS "org"`;
const stays = (place: number): string =>
  `, CASE WHEN "tasks"."org" = $${place}::bigint THEN NULL ELSE pg_catalog.current_setting('meridian_refuses.other_tenant') END AS "$tenant"`;
const values = new Map([
  ['title', 'title'],
  ['organizationId', 'org'],
  ['projectId', 'project_id'],
]);
const references: readonly TenantReference[] = [
  {
    constraint: 'tasks_project',
    columns: ['project_id'],
    table: { schema: 'public', name: 'projects' },
    toColumns: ['id'],
    tenant: 'org',
    tenantType: { sql: 'bigint', kind: 'bigint', array: false },
  },
];
const withProject: Entity = {
  ...owned,
  columns: new Map([...owned.columns, ...[...TASKS.columns].filter(([name]) => name === 'project_id')]),
};

describe('mutation statements of tenants', () => {
  const of = (kind: WriteField['kind'], args: Arguments, tenancy = Tenancy.of('07')): readonly Statement[] =>
    writeStatements({ entity: owned, field: field(kind, { values: new Map([...values].slice(0, 2)) }), args, tenancy });

  it('fill in the tenant, touch its rows only, and refuse rows that end up elsewhere', () => {
    const [insert] = of('insert', { input: { title: 'x' } });
    assert.equal(
      insert?.text,
      `INSERT INTO "public"."tasks" AS "tasks" ("title", "org") VALUES ($1::character varying, $2::bigint) ${RETURNS}${stays(3)}`,
    );
    assert.deepEqual(insert?.values, ['x', '7', '7']);
    const [update] = of('update', { id: 1, input: { title: 'x' } });
    assert.equal(
      update?.text,
      `UPDATE "public"."tasks" AS "tasks" SET "title" = $1::character varying WHERE "tasks"."id" = $2::bigint AND "tasks"."org" = $3::bigint ${RETURNS}${stays(4)}`,
    );
    assert.equal(
      of('update', { id: 1, input: {} })[0]?.text.endsWith(
        'WHERE "tasks"."id" = $1::bigint AND "tasks"."org" = $2::bigint',
      ),
      true,
    );
    assert.equal(
      of('delete', { id: 1 })[0]?.text,
      `DELETE FROM "public"."tasks" AS "tasks" WHERE "tasks"."id" = $1::bigint AND "tasks"."org" = $2::bigint ${RETURNS}`,
    );
    assert.equal(
      of('insert', { input: { title: 'x', organizationId: '+7' } }).length,
      1,
      'its own tenant may be named, in any spelling',
    );
  });

  it('refuse another tenant by name, and viewers without one', () => {
    for (const kind of ['insert', 'update'] as const) {
      for (const organizationId of [8, 999_999])
        assert.throws(() => of(kind, { id: 1, input: { title: 'x', organizationId } }), {
          code: 'FORBIDDEN',
          message: '"input.organizationId" must be the viewer\'s own tenant, or be left out; nothing was written.',
        });
    }
    for (const tenant of [null, 'no number']) {
      assert.throws(() => of('insert', { input: { title: 'x' } }, Tenancy.of(tenant)), { code: 'FORBIDDEN' });
      assert.match(of('delete', { id: 1 }, Tenancy.of(tenant))[0]?.text ?? '', /AND FALSE RETURNING/);
      assert.match(
        of('update', { id: 1, input: { title: 'x' } }, Tenancy.of(tenant))[0]?.text ?? '',
        /AND FALSE RETURNING/,
      );
    }
  });

  it('refer only to rows of the tenant, and fail where there is none', () => {
    const request = (input: Arguments, tenancy = Tenancy.of('7')): readonly Statement[] =>
      writeStatements({
        entity: withProject,
        field: field('update', { values, references }),
        args: { id: 1, input },
        tenancy,
      });
    const [check, update] = request({ title: 'x', projectId: 3 });
    assert.equal(
      check?.text,
      `SELECT CASE WHEN EXISTS (SELECT FROM "public"."projects" AS "$to" WHERE "$to"."id" = $1::bigint AND "$to"."org" = $2::bigint) THEN NULL ELSE pg_catalog.current_setting('meridian_refuses.reference_0') END AS "$0"`,
    );
    assert.deepEqual(check?.values, ['3', '7']);
    assert.match(update?.text ?? '', /^UPDATE/);
    assert.equal(request({ title: 'x' }).length, 1, 'what is not assigned is not looked up');
    assert.match(request({ projectId: 3 }, Tenancy.of(null))[0]?.text ?? '', /AND FALSE\)/);
    const open = writeStatements({
      entity: { ...withProject, tenant: null },
      field: field('insert', { values, references }),
      args: { input: { projectId: 3 } },
      tenancy: Tenancy.of('7'),
    });
    assert.equal(open.length, 2, "rows of no tenant refer to the viewer's own, too");
  });

  it('look up what is given of a key of several columns, and nothing for a null in it', () => {
    const [one] = references;
    assert.ok(one);
    const both: readonly TenantReference[] = [{ ...one, columns: ['org', 'project_id'], toColumns: ['org', 'id'] }];
    const request = (input: Arguments): readonly Statement[] =>
      writeStatements({
        entity: withProject,
        field: field('insert', { values, references: both }),
        args: { input },
        tenancy: Tenancy.of('7'),
      });
    assert.match(
      request({ projectId: 3 })[0]?.text ?? '',
      /WHERE "\$to"."id" = \$1::bigint AND "\$to"."org" = \$2::bigint\)/,
    );
    assert.match(
      request({ organizationId: 7, projectId: 3 })[0]?.text ?? '',
      /WHERE "\$to"."org" = \$1::bigint AND "\$to"."id" = \$2::bigint AND "\$to"."org" = \$3::bigint\)/,
    );
    const nullable = {
      ...withProject,
      columns: new Map([...withProject.columns].map(([name, column]) => [name, { ...column, nullable: true }])),
    };
    assert.equal(
      writeStatements({
        entity: nullable,
        field: field('insert', { values, references: both }),
        args: { input: { projectId: null } },
        tenancy: Tenancy.of('7'),
      }).length,
      1,
    );
  });

  it('answer as the database does for a row that does not exist', () => {
    const raised = (reason: string): unknown =>
      toMeridianError(
        Object.assign(new Error(`unrecognized configuration parameter "meridian_refuses.${reason}"`), {
          code: '42704',
          severity: 'ERROR',
        }),
        { region: 'us' },
      );
    const refusal = tenantRefusal(raised('reference_0'), withProject, references);
    assert.equal(refusal?.message, 'The row refers to one that does not exist (project_id).');
    assert.deepEqual(refusal?.details, {
      sqlState: '23503',
      constraint: 'tasks_project',
      table: 'tasks',
      columns: ['project_id'],
    });
    assert.equal(tenantRefusal(raised('other_tenant'), withProject, references)?.code, 'FORBIDDEN');
    assert.equal(tenantRefusal(raised('reference_1'), withProject, references), null);
    assert.equal(
      tenantRefusal(
        toMeridianError(
          Object.assign(new Error('unrecognized configuration parameter "app.tenant"'), {
            code: '42704',
            severity: 'ERROR',
          }),
          { region: 'us' },
        ),
        withProject,
        references,
      ),
      null,
    );
  });
});
