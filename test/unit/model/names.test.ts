/** Names: from GraphQL's spelling to SQL's, and from a slip of the keyboard to what was meant. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closest, didYouMean, plural, snakeCase } from '../../../src/model/names.ts';

describe('names', () => {
  it('are written in snake_case', () => {
    const cases = {
      createdAt: 'created_at',
      id: 'id',
      Task: 'task',
      OrderItem: 'order_item',
      APIKey: 'api_key',
      line2Text: 'line2_text',
      URL: 'url',
      already_snake: 'already_snake',
    };
    for (const [name, expected] of Object.entries(cases)) assert.equal(snakeCase(name), expected);
  });

  it('have a plural', () => {
    const cases = {
      task: 'tasks',
      category: 'categories',
      day: 'days',
      address: 'addresses',
      box: 'boxes',
      branch: 'branches',
      order_item: 'order_items',
    };
    for (const [noun, expected] of Object.entries(cases)) assert.equal(plural(noun), expected);
  });

  it('find the name that was meant where letters are wrong or swapped, or _id is missing', () => {
    const columns = ['id', 'title', 'assignee_id', 'created_at', 'due_date'];
    assert.equal(closest('titel', columns), 'title');
    assert.equal(closest('assigne', columns), 'assignee_id');
    assert.equal(closest('createdAt', columns), 'created_at');
    assert.equal(closest('due_dat', columns), 'due_date');
  });

  it('find nothing where nothing is close', () => {
    assert.equal(closest('payload', ['id', 'title']), null);
    assert.equal(closest('x', ['id']), null);
    assert.equal(didYouMean('payload', ['id']), '');
    assert.equal(didYouMean('titel', ['title']), '; did you mean "title"?');
  });
});
