/**
 * The table in docs/conflicts.md: made by the functions that decide, so that the page cannot say anything else than
 * they do.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  resolveDelete,
  resolveInsertOfExisting,
  resolveUpdateOfDeleted,
  type Decision,
} from '../../../src/conflict/resolve.ts';
import { NO_CONFLICTS, type Conflicts, type ConflictRule, type SqlType } from '../../../src/model/model.ts';
import { decide, given, listOf, merging, rowAfter, settle, type, type Types } from './fixtures.ts';

const MARK = '<!-- table -->';
const show = (value: unknown): string =>
  `\`${value === undefined ? '–' : JSON.stringify(value).replaceAll(/([:,])(?=\S)/g, '$1 ')}\``;
const line = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Rule, type, and (was, theirs, mine). */
const RULES: readonly (readonly [ConflictRule, SqlType, unknown, unknown, unknown])[] = [
  ['ADD', type('int'), 5, 7, 6],
  ['ADD', type('int'), 5, 6, 6],
  ['ADD', type('numeric'), '1.50', '2.00', '1.25'],
  ['ADD', type('int'), null, 3, 5],
  ['ADD', type('int'), 5, null, 7],
  ['MAX', type('int'), 5, 7, 9],
  ['MAX', type('int'), 5, 4, 3],
  ['MAX', type('date'), '2026-01-31', '2026-03-01', '2026-02-15'],
  ['MAX', type('int'), 5, null, 3],
  ['MIN', type('int'), 5, 7, 9],
  ['UNION', listOf('text'), ['a', 'b'], ['a', 'b', 'c'], ['a', 'd']],
  ['UNION', listOf('text'), ['a'], null, ['a', 'b']],
  ['APPEND', type('text'), 'Hello', 'Hello, you', 'Hello!'],
  ['APPEND', listOf('int'), [1], [1, 2], [1, 3]],
  ['APPEND', type('text'), 'Hello', 'Hello, you', 'Hallo!'],
  ['LAST_WRITE_WINS', type('text'), 'old', 'theirs', 'mine'],
  ['REJECT', type('text'), 'old', 'theirs', 'mine'],
  ['REJECT', type('text'), 'old', 'same', 'same'],
  ['REJECT', type('text'), 'old', 'theirs', 'old'],
  ['REJECT', type('text'), 'old', 'old', 'mine'],
];

const TYPES: Types = { title: type('text'), status: type('text') };
const WAS = { title: 'Paint', status: 'TODO' };
const THEIRS = { title: 'Paint it', status: 'TODO' };

/** Policy, and what this writer sets. */
const POLICIES: readonly (readonly [Partial<Conflicts>, string, Readonly<Record<string, unknown>>, boolean])[] = [
  [{}, '`REJECT`', { status: 'DONE' }, true],
  [{}, '`REJECT`', { title: 'Sand', status: 'DONE' }, true],
  [{ policy: 'LAST_WRITE_WINS' }, '`LAST_WRITE_WINS`', { title: 'Sand' }, true],
  [merging('REJECT'), '`MERGE`', { status: 'DONE' }, true],
  [merging('REJECT'), '`MERGE`, rule `REJECT`', { title: 'Sand', status: 'DONE' }, true],
  [merging('LAST_WRITE_WINS'), '`MERGE`, rule `LAST_WRITE_WINS`', { title: 'Sand', status: 'DONE' }, true],
  [merging('LAST_WRITE_WINS'), '`MERGE`', { status: 'DONE' }, false],
];

function outcome(decision: Decision | { readonly kind: 'delete' }, current: Readonly<Record<string, unknown>>): string {
  if (decision.kind === 'delete') return 'the row goes';
  return decision.kind === 'reject'
    ? `refused: \`${decision.reason}\`${decision.fields.length > 0 ? `, ${decision.fields.map((field) => `\`${field}\``).join(', ')}` : ''}`
    : show(rowAfter(TYPES, current, decision));
}

function tables(): string {
  const heading = (...cells: readonly string[]): readonly string[] => [line(...cells), line(...cells.map(() => '---'))];
  const rules = RULES.map(([rule, of, was, theirs, mine]) => {
    const settled = settle(rule, of, [was, theirs, mine]);
    return line(
      `\`${rule}\``,
      show(was),
      show(theirs),
      show(mine),
      settled === null ? 'refused: `CHANGED`' : show(settled.value),
    );
  });
  const updates = POLICIES.map(([conflicts, name, incoming, kept]) => {
    const base = kept ? WAS : null;
    return line(
      name,
      kept ? show(WAS) : 'not kept',
      show(THEIRS),
      show(incoming),
      outcome(decide({ types: TYPES, conflicts, base, current: THEIRS, incoming }), THEIRS),
    );
  });
  const types = new Map(Object.entries(TYPES));
  const values = given(TYPES, { status: 'DONE' });
  const others = [
    ...(['REJECT', 'DELETE'] as const).map((deleteChanged) =>
      line(
        '`deleteChanged`',
        `\`${deleteChanged}\``,
        show(WAS),
        show(THEIRS),
        'a delete',
        outcome(resolveDelete({ ...NO_CONFLICTS, deleteChanged }, { types, base: WAS, current: THEIRS }), THEIRS),
      ),
    ),
    ...(['REJECT', 'RESTORE'] as const).map((updateDeleted) =>
      line(
        '`updateDeleted`',
        `\`${updateDeleted}\``,
        show(WAS),
        'gone',
        show({ status: 'DONE' }),
        outcome(resolveUpdateOfDeleted({ ...NO_CONFLICTS, updateDeleted }, { types, base: WAS, incoming: values }), {}),
      ),
    ),
    line(
      '`updateDeleted`',
      '`RESTORE`',
      'not kept',
      'gone',
      show({ status: 'DONE' }),
      outcome(
        resolveUpdateOfDeleted({ ...NO_CONFLICTS, updateDeleted: 'RESTORE' }, { types, base: null, incoming: values }),
        {},
      ),
    ),
    ...(['REJECT', 'UPDATE', 'KEEP'] as const).map((insertExisting) =>
      line(
        '`insertExisting`',
        `\`${insertExisting}\``,
        'nothing',
        show(THEIRS),
        show({ status: 'DONE' }),
        outcome(
          resolveInsertOfExisting({ ...NO_CONFLICTS, insertExisting }, { types, current: THEIRS, incoming: values }),
          THEIRS,
        ),
      ),
    ),
  ];
  return [
    ...heading('rule of a field', 'was', 'theirs', 'mine', 'comes to'),
    ...rules,
    '',
    ...heading('policy of updates', 'was', 'theirs', 'mine sets', 'the row becomes'),
    ...updates,
    '',
    ...heading('other clash', 'word', 'was', 'theirs', 'mine', 'the row becomes'),
    ...others,
  ].join('\n');
}

describe('docs/conflicts.md', () => {
  it('shows the results that the rules and policies give', () => {
    const page = readFileSync(new URL('../../../docs/conflicts.md', import.meta.url), 'utf8');
    const parts = page.split(MARK);
    assert.equal(parts.length, 3, `the table stands between two ${MARK}`);
    const wanted = tables();
    assert.equal(parts[1]?.trim(), wanted, `put this between the two ${MARK} of docs/conflicts.md:\n\n${wanted}\n`);
  });
});
