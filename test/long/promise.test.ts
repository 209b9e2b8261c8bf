/** Proves the promise over HTTP in the long form: test/cluster makes two hundred writes, this file a thousand. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startPromiseApp, writesSeen } from '../support/promise.ts';

it('an application shows 1,000 of 1,000 writes with their token', async () => {
  await using app = await startPromiseApp();
  assert.equal((await writesSeen(app, { count: 1_000, withToken: true })).seen, 1_000);
});
