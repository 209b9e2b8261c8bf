/** Whether a transaction is finished in a snapshot, over the wrap of 32-bit transaction ids; and how the gate waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLsn } from '../../../src/base/lsn.ts';
import { finishedIn, parseSnapshot, VisibilityGate, type ShownRow } from '../../../src/postgres/wal/gate.ts';

test('a transaction has finished if it is below xmin, or below xmax and not in the list', () => {
  const snapshot = parseSnapshot('100:110:100,105');
  assert.deepEqual(
    [99, 100, 101, 105, 109, 110, 111].map((xid) => finishedIn(snapshot, xid)),
    [true, false, true, false, true, false, false],
  );
  assert.equal(finishedIn(parseSnapshot('7:7:'), 6), true);
  assert.equal(finishedIn(parseSnapshot('7:7:'), 7), false);
});

test("ids near the wrap of 32 bits are told apart by the snapshot's 64", () => {
  const base = 5n << 32n;
  const snapshot = parseSnapshot(`${base - 2n}:${base + 3n}:${base - 2n},${base + 1n}`);
  assert.equal(finishedIn(snapshot, 0xffff_fffe), false);
  assert.equal(finishedIn(snapshot, 0xffff_ffff), true);
  assert.equal(finishedIn(snapshot, 0xffff_fffd), true);
  assert.equal(finishedIn(snapshot, 0), true);
  assert.equal(finishedIn(snapshot, 1), false);
  assert.equal(finishedIn(snapshot, 3), false);
});

test('the gate asks until the server shows the transaction, and one answer serves what it covers', async () => {
  const answers: ShownRow[] = [
    { replay_lsn: '0/10', snapshot: '1:1:' },
    { replay_lsn: '0/1F', snapshot: '1:1:' },
    { replay_lsn: '0/30', snapshot: '1:1:' },
  ];
  let asked = 0;
  const gate = new VisibilityGate(async () => answers[asked++] ?? assert.fail('asked too often'));
  const signal = new AbortController().signal;
  assert.equal(await gate.pass(9, toLsn(0x20n), signal), true);
  assert.equal(asked, 3);
  assert.equal(await gate.pass(9, toLsn(0x30n), signal), true);
  assert.equal(asked, 3);
});

test('on a primary the snapshot decides, not the position', async () => {
  const answers: ShownRow[] = [
    { replay_lsn: null, snapshot: '40:42:40' },
    { replay_lsn: null, snapshot: '42:42:' },
  ];
  let asked = 0;
  const gate = new VisibilityGate(async () => answers[asked++] ?? assert.fail('asked too often'));
  assert.equal(await gate.pass(40, toLsn(1n), new AbortController().signal), true);
  assert.equal(asked, 2);
});

test('a gate that is given up rejects', async () => {
  const abort = new AbortController();
  const gate = new VisibilityGate(async () => ({ replay_lsn: '0/1', snapshot: '1:1:' }));
  const passed = gate.pass(9, toLsn(0x20n), abort.signal);
  setTimeout(() => abort.abort(), 20);
  assert.equal(await passed, false);
});
