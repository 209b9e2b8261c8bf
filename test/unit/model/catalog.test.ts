/** The catalog's questions: where a name leads, what is unique, what an index serves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coversUniqueKey, findTable, hasIndexOn, type CatalogTable } from '../../../src/model/catalog.ts';
import { sketchCatalog } from '../../support/catalog.ts';

const catalog = sketchCatalog({
  lines: { columns: ['a integer', 'b integer', 'c integer'], primaryKey: ['a', 'b'], indexes: [['c', 'a', 'b']] },
  log: { schema: 'audit', columns: ['id bigint'], primaryKey: ['id'] },
});
const lines = catalog.tables.get('public.lines') as CatalogTable;

describe('the catalog', () => {
  it('finds a table along the search path, or in the schema that is named', () => {
    assert.equal(findTable(catalog, 'log', null)?.schema, 'audit');
    assert.equal(findTable(catalog, 'log', 'audit')?.name, 'log');
    assert.equal(findTable(catalog, 'log', 'public'), null);
    assert.equal(findTable(catalog, 'nothing', null), null);
  });

  it('knows that columns with a whole key are unique, and that half a key is not', () => {
    assert.equal(coversUniqueKey(lines, ['b', 'a']), true);
    assert.equal(coversUniqueKey(lines, ['c', 'b', 'a']), true);
    assert.equal(coversUniqueKey(lines, ['a']), false);
  });

  it('counts an index only where its first columns are the ones asked for', () => {
    assert.equal(hasIndexOn(lines, ['c']), true);
    assert.equal(hasIndexOn(lines, ['a', 'c']), true);
    assert.equal(hasIndexOn(lines, ['b']), false);
    assert.equal(hasIndexOn(lines, ['b', 'c']), false);
  });
});
