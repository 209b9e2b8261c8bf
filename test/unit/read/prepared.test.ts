/**
 * Owns the proof that what is prepared of a field is used again for equal arguments of the same tenant, and for nothing
 * else.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonNumber } from '../../../src/base/json.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { type Entity, type Model, type Row } from '../../../src/model/model.ts';
import { canonicalText } from '../../../src/read/loaders/canonical.ts';
import { EntityLoaders } from '../../../src/read/loaders/entity-loaders.ts';
import { prepared, tenantText } from '../../../src/read/loaders/prepared.ts';
import { keyName, variants, type VariantInput } from '../../../src/read/loaders/through-cache.ts';
import { type Statement } from '../../../src/read/ports.ts';
import { Tenancy } from '../../../src/read/sql/tenant.ts';
import { connectionField, countField, listField } from '../../support/plain-model.ts';
import { TASKS } from './tasks-entity.ts';

const OWNED: Entity = { ...TASKS, tenant: 'project_id' };
const modelOf = (entity: Entity): Model => ({
  entities: new Map([['Task', entity]]),
  stubs: new Map(),
  interfaces: new Map(),
  queries: new Map(),
  subscriptions: new Map(),
  mutations: new Map(),
  unseen: new Map(),
});
const limits = defaultOptions();
const BY_TITLE = new Map([['title', { kind: 'equals', column: 'title' }]] as const);
const LIST = listField({ target: 'Task', orderBy: [{ column: 'id', descending: false }], filters: BY_TITLE });
const PAGE = connectionField({ target: 'Task', orderBy: [{ column: 'id', descending: false }], filters: BY_TITLE });
const COUNT = countField({ target: 'Task', filters: BY_TITLE });

/** The statements of one operation. */
async function asked(
  tenant: string | null,
  use: (loaders: EntityLoaders) => Promise<unknown>,
  settings: { entity?: Entity; limits?: typeof limits } = {},
): Promise<Pick<Statement, 'text' | 'values'>[]> {
  const statements: Statement[] = [];
  const executor = { query: async (statement: Statement): Promise<readonly Row[]> => (statements.push(statement), []) };
  await use(
    new EntityLoaders({
      model: modelOf(settings.entity ?? OWNED),
      executor,
      limits: settings.limits ?? limits,
      tenancy: Tenancy.of(tenant),
    }),
  );
  return statements.map(({ text, values }) => ({ text, values }));
}

const USES: readonly (readonly [
  string,
  (loaders: EntityLoaders, args: Record<string, unknown>) => Promise<unknown>,
])[] = [
  ['list', (loaders, args) => loaders.list(LIST, null, args)],
  ['page', (loaders, args) => loaders.page(PAGE, null, args)],
  ['count', (loaders, args) => loaders.count(COUNT, null, args)],
];

describe('what is prepared of a field', () => {
  for (const [name, use] of USES) {
    it(`asks for the tenant's own rows and the client's own values, whoever asked before (${name})`, async () => {
      for (let round = 0; round < 3; round += 1) {
        for (const tenant of ['7', '8']) {
          for (const title of ['a', 'b', '7']) {
            const [statement, ...others] = await asked(tenant, (loaders) => use(loaders, { title }));
            assert.equal(others.length, 0);
            const texts = statement?.values.map(String) ?? [];
            assert.ok(texts.includes(tenant) && texts.includes(title), JSON.stringify([tenant, title, texts]));
            assert.ok(
              !texts.includes(tenant === '7' ? '8' : '9') && !texts.includes(title === 'a' ? 'b' : 'a'),
              JSON.stringify(texts),
            );
          }
          assert.deepEqual(
            (await asked(tenant, (loaders) => use(loaders, {})))[0]?.values.map(String).includes('a'),
            false,
          );
        }
        assert.deepEqual(await asked(null, (loaders) => use(loaders, { title: 'a' })), [], 'nobody known has no rows');
      }
    });

    it(`is the same statement the second time, and another one for another entity (${name})`, async () => {
      const first = await asked('7', (loaders) => use(loaders, { title: 'a' }));
      assert.deepEqual(await asked('7', (loaders) => use(loaders, { title: 'a' })), first);
      const other: Entity = { ...OWNED, table: { schema: 'public', name: 'others' } };
      assert.match(
        (await asked('7', (loaders) => use(loaders, { title: 'a' }), { entity: other }))[0]?.text ?? '',
        /"others"/,
      );
      assert.match((await asked('7', (loaders) => use(loaders, { title: 'a' })))[0]?.text ?? '', /"tasks"/);
    });
  }

  it('is checked again with other limits, and refused each time it is wrong', async () => {
    const use = (loaders: EntityLoaders): Promise<unknown> => loaders.list(LIST, null, { title: ['a', 'b', 'c'] });
    await asked('7', use);
    for (let i = 0; i < 2; i += 1)
      await assert.rejects(asked('7', use, { limits: defaultOptions({ maxFilterValues: 2 }) }), {
        code: 'BAD_USER_INPUT',
      });
    for (let i = 0; i < 2; i += 1)
      await assert.rejects(
        asked('7', (loaders) => loaders.page(PAGE, null, { first: -1 })),
        { code: 'BAD_USER_INPUT' },
      );
    await asked('7', use);
  });

  it('is bounded in number and in the length of arguments', () => {
    const [own, field] = [{}, {}];
    let made = 0;
    const make = (args: string): object =>
      prepared({ kind: 'list', limits: own, field, entity: OWNED, tenancy: Tenancy.all, args }, () => ({
        made: (made += 1),
      }));
    assert.equal(make('a'), make('a'));
    for (let i = 0; i < 2_000; i += 1) make(String(i));
    assert.equal(made, 2_001);
    make('a');
    assert.equal(made, 2_002, 'the oldest has gone');
    for (let i = 0; i < 2; i += 1) make('x'.repeat(2_049));
    assert.equal(made, 2_004);
  });
});

describe('the text of arguments', () => {
  it('is one for no arguments, however they are left out, and another for anything else', () => {
    assert.equal(canonicalText({}), canonicalText({ first: undefined }));
    assert.equal(canonicalText(Object.create(null)), canonicalText({}));
    const others: readonly unknown[] = [
      {},
      null,
      [],
      '',
      0,
      { a: {} },
      [{}],
      new Date(0),
      new JsonNumber('1.10'),
      { first: null },
    ];
    assert.equal(new Set(others.map(canonicalText)).size, others.length);
  });
});

describe('names of cached values', () => {
  const nameOf = (over: Partial<VariantInput>): string =>
    variants({
      kind: 'slice',
      entity: OWNED,
      scope: { tenancy: Tenancy.of('7'), settingsKey: '' },
      content: () => 'content',
      owner: LIST,
      name: '',
      ...over,
    }).of(['1']);

  it('differ by tenant, settings, kind, columns and name, and are made of the content', () => {
    const owner = {};
    const varieties: Partial<VariantInput>[] = [
      { owner },
      { owner, scope: { tenancy: Tenancy.of('8'), settingsKey: '' } },
      { owner, scope: { tenancy: Tenancy.all, settingsKey: '' } },
      { owner, scope: { tenancy: Tenancy.of('7'), settingsKey: 'ann' } },
      { owner, scope: { tenancy: Tenancy.of('7'), settingsKey: '["7"]' } },
      { owner, kind: 'count' },
      { owner, name: 'other', content: () => 'other' },
      { owner, entity: { ...OWNED, table: { schema: 'public', name: 'others' } } },
      { owner: {}, content: () => 'another' },
    ];
    const names = varieties.map(nameOf);
    assert.equal(new Set(names).size, varieties.length);
    assert.deepEqual(varieties.map(nameOf), names);
    assert.equal(nameOf({ owner: {} }), names[0], 'as another process makes them');
    for (let i = 0; i < 200; i += 1)
      assert.equal(
        nameOf({ owner, scope: { tenancy: Tenancy.of('7'), settingsKey: `viewer ${i}` } }),
        nameOf({ owner: {}, scope: { tenancy: Tenancy.of('7'), settingsKey: `viewer ${i}` } }),
      );
    assert.deepEqual(varieties.map(nameOf), names, 'also after more viewers than are kept');
  });

  it('of a row do not depend on the tenant, who is asked when it is shown', () => {
    const owner = {};
    assert.equal(
      nameOf({ owner, kind: 'row' }),
      nameOf({ owner, kind: 'row', scope: { tenancy: Tenancy.of('8'), settingsKey: '' } }),
    );
    assert.equal(tenantText(Tenancy.of('7'), TASKS), '');
    assert.notEqual(tenantText(Tenancy.of('7'), OWNED), tenantText(Tenancy.of(null), OWNED));
  });

  it('of keys are one for equal columns', () => {
    assert.equal(keyName(['id'], undefined), keyName([...TASKS.primaryKey], undefined));
    assert.notEqual(keyName(['id'], undefined), keyName(['id', 'title'], undefined));
  });
});
