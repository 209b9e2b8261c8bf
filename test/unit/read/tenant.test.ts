/** Which rows exist for a viewer, by the canonical value of the tenant column's type. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entity, type ScalarKind } from '../../../src/model/model.ts';
import { Params } from '../../../src/read/sql/statement.ts';
import { Tenancy } from '../../../src/read/sql/tenant.ts';
import { TASKS } from './tasks-entity.ts';

const owned = (sql: string, kind: ScalarKind): Entity => ({
  ...TASKS,
  tenant: 'org',
  columns: new Map([
    ...TASKS.columns,
    ['org', { name: 'org', type: { sql, kind, array: false }, nullable: true, hasDefault: false, exact: true }],
  ]),
});

describe('tenancy', () => {
  it('compares values, not spellings', () => {
    const cases: readonly (readonly [string, ScalarKind, string, unknown, boolean])[] = [
      ['bigint', 'bigint', '07', '7', true],
      ['bigint', 'bigint', '+7', 7, true],
      ['bigint', 'bigint', '7.0', '7', false],
      ['bigint', 'bigint', ' 7', '7', true],
      ['bigint', 'bigint', '\u00a07', '7', false],
      ['integer', 'int', '7', 7, true],
      ['integer', 'int', '4294967303', 7, false],
      ['uuid', 'uuid', '0E37DF36-F698-11E6-8DD4-CB9CED3DF976', '0e37df36-f698-11e6-8dd4-cb9ced3df976', true],
      ['text', 'text', 'acme', 'acme', true],
      ['text', 'text', 'ACME', 'acme', false],
      ['text', 'text', '', '', false],
      ['text', 'text', 'acme', null, false],
      ['text', 'text', 'a\u0000', 'a\u0000', false],
    ];
    for (const [sql, kind, tenant, value, is] of cases)
      assert.equal(
        Tenancy.of(tenant).has(owned(sql, kind), { org: value }),
        is,
        `${sql} ${JSON.stringify(tenant)} ${JSON.stringify(value)}`,
      );
  });

  it('shows no row without a tenant, nor with one that is no value of the column', () => {
    for (const tenant of [null, '', 'x']) {
      const [tenancy, entity] = [Tenancy.of(tenant), owned('bigint', 'bigint')];
      assert.ok(tenancy.seesNone(entity));
      assert.equal(tenancy.condition(entity)?.(new Params()), 'FALSE');
      assert.equal(tenancy.has(entity, { org: null }), false);
    }
    assert.ok(
      Tenancy.all.has(owned('bigint', 'bigint'), { org: '8' }) &&
        Tenancy.all.condition(owned('bigint', 'bigint')) === null,
    );
    assert.ok(
      Tenancy.of(null).has(TASKS, {}) &&
        Tenancy.of(null).condition(TASKS) === null &&
        !Tenancy.of(null).seesNone(TASKS),
    );
  });

  it('is a condition with the tenant as a parameter', () => {
    const params = new Params();
    assert.equal(Tenancy.of("x' OR TRUE --").condition(owned('text', 'text'))?.(params), '"tasks"."org" = $1::text');
    assert.deepEqual(params.values, ["x' OR TRUE --"]);
    assert.match(
      Tenancy.of('gold').condition(owned('public.plan', 'enum'))?.(new Params()) ?? '',
      /^"tasks"."org" = \(SELECT "\$member" FROM unnest\(enum_range/,
    );
  });
});
