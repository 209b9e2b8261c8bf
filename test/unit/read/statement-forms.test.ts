/** Owns the proof that statements whose text is kept carry their own keys and conditions, in their places. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { normalizeValue } from '../../../src/model/values.ts';
import { keyText } from '../../../src/read/loaders/through-cache.ts';
import { conditionsOf } from '../../../src/read/sql/conditions.ts';
import { rowsByKey } from '../../../src/read/sql/rows-by-key.ts';
import { selectSlices, type Slice } from '../../../src/read/sql/select-many.ts';
import { statementName } from '../../../src/read/sql/statement.ts';
import { Tenancy } from '../../../src/read/sql/tenant.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { TASKS } from './tasks-entity.ts';

const OWNED = { ...TASKS, tenant: 'project_id' };

function sliceOf(title: string, tenant: string): Slice {
  const selection = { where: null, filters: new Map([['title', { kind: 'equals', column: 'title' }]] as const) };
  const { conditions } = conditionsOf({
    entity: OWNED,
    selection,
    args: { title },
    limits: defaultOptions(),
    tenancy: Tenancy.of(tenant),
  });
  return {
    entity: OWNED,
    joinColumns: ['id', 'due'],
    conditions,
    order: [{ column: 'id', descending: false, nullable: false }],
    limit: 3,
    prepared: true,
  };
}

describe('a statement whose text is kept', () => {
  it('has the keys of its own batch, the values of its own conditions, and the name of its text', () => {
    const [mine, theirs] = [sliceOf('mine', '7'), sliceOf('theirs', '8')];
    for (let round = 0; round < 3; round += 1) {
      const keys = Array.from({ length: round + 1 }, (_, i) => [String(10 * round + i), '2026-01-01']);
      const [first, second] = [selectSlices(mine, keys), selectSlices(theirs, keys)];
      assert.deepEqual(first.values, [keys.map(([id]) => id), keys.map(([, due]) => due), '7', 'mine', 3]);
      assert.deepEqual(second.values, [keys.map(([id]) => id), keys.map(([, due]) => due), '8', 'theirs', 3]);
      assert.equal(first.name, statementName(first.text));
      assert.equal(first.text, second.text);
      for (let i = 1; i <= first.values.length; i += 1) assert.ok(first.text.includes(`$${i}::`), `parameter ${i}`);
      assert.ok(!first.text.includes(`$${first.values.length + 1}`));
    }
  });

  it('has no name where the client chose its shape', () => {
    const slice = { ...sliceOf('mine', '7'), prepared: false };
    for (let i = 0; i < 2; i += 1) assert.equal(selectSlices(slice, [['1', '2026-01-01']]).name, '');
  });

  it('reads rows by the keys of its own batch, of its own entity and column', () => {
    const others = { ...TASKS, table: { schema: 'public', name: 'others' } };
    for (const keys of [[['1'], ['2']], [['3']]]) {
      const [own, other, byProject] = [
        rowsByKey({ entity: TASKS, columns: ['id'] }, keys),
        rowsByKey({ entity: others, columns: ['id'] }, keys),
        rowsByKey({ entity: TASKS, columns: ['project_id'] }, keys),
      ].map(({ statement }) => statement);
      assert.deepEqual(own?.values, [keys.map(([id]) => id)]);
      assert.equal(own?.name, statementName(own?.text ?? ''));
      assert.match(other?.text ?? '', /"others"/);
      assert.match(byProject?.text ?? '', /WHERE "tasks"\."project_id" = ANY\(\$1::bigint\[\]\)$/);
    }
  });
});

describe('a key', () => {
  it('has a text of its own among keys of the same columns', () => {
    const keys = [['1'], ['01'], ['t1'], ['["1"]'], [''], [1], [true], ['true'], [['1']], [['1', '2']]];
    assert.equal(new Set(keys.map(keyText)).size, keys.length);
    const pairs = [
      ['1', '2'],
      ['1', ',2'],
      ['1","2', ''],
      ['', '1","2'],
      [1, '2'],
    ];
    assert.equal(new Set(pairs.map(keyText)).size, pairs.length);
    assert.equal(keyText(['1']), keyText(['1']));
  });

  it('of a bigint column is the same in all of its spellings', () => {
    const type = { sql: 'bigint', kind: 'bigint', array: false } as const;
    for (const spelling of ['7', '+7', '07', ' 7 ', 7, 7n])
      assert.deepEqual(normalizeValue(type, spelling), { value: '7' });
    for (const whole of ['999999999999999999', '9223372036854775807', '-9223372036854775808', '0', '-1'])
      assert.deepEqual(normalizeValue(type, whole), { value: whole });
    for (const none of ['9223372036854775808', '1e3', '', '1.0', '7\n7', '१'])
      assert.ok('problem' in normalizeValue(type, none), none);
  });
});
