/** Which failures of a statement let a pool begin anew with its connections, and which would only be repeated there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Plans } from '../../../src/postgres/connect/plans.ts';
import { isStalePlan } from '../../../src/postgres/read/error.ts';

const UPDATE = 'UPDATE tasks SET title = $1';

test('a function that a session had prepared for another type makes its pool open all connections again, once', () => {
  const plans = new Plans();
  for (let i = 0; i < 3; i += 1) plans.functionFailed(UPDATE, { generation: 0, isNew: false });
  assert.equal(plans.generation, 1);
});

test('a function that fails in new sessions too opens no connection again, until it has succeeded', () => {
  const plans = new Plans();
  plans.functionFailed(UPDATE, { generation: 0, isNew: true });
  for (let i = 0; i < 3; i += 1) plans.functionFailed(UPDATE, { generation: 0, isNew: false });
  assert.equal(plans.generation, 0);
  plans.functionFailed('UPDATE users SET name = $1', { generation: 0, isNew: false });
  assert.equal(plans.generation, 1, 'others are not held back by it');
  plans.succeeded(UPDATE);
  plans.functionFailed(UPDATE, { generation: 1, isNew: false });
  assert.equal(plans.generation, 2);
});

test("a stale plan is recognised by the server's routine, and not by words of the message", () => {
  const failure = (code: string, routine: string): Error =>
    Object.assign(new Error('egal'), { code, routine, severity: 'FEHLER' });
  assert.ok(isStalePlan(failure('0A000', 'RevalidateCachedQuery')));
  assert.ok(isStalePlan(failure('42804', 'plpgsql_param_eval_recfield')));
  assert.ok(isStalePlan(failure('42804', 'ExecEvalParamExtern')));
  assert.ok(!isStalePlan(failure('42804', 'transformAssignedExpr')));
  assert.ok(!isStalePlan(failure('0A000', 'PreventCommandIfReadOnly')));
});
