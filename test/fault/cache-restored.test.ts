/**
 * Proves that a region notices when an older copy of its primary's files is restored under the same timeline, and
 * caches no value of the earlier state.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startReplicaSet, until } from '../support/replica-set.ts';
import { follow } from '../support/tail.ts';

const PATIENT_MS = 60_000;

test('a primary that was restored from an older copy of its files causes a gap, and its changes are delivered although their positions were used before', async () => {
  await using set = await startReplicaSet(0);
  const { primary } = set;
  const copy = `${primary.dataDir}-copy`;
  await primary.query(
    'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION meridian FOR ALL TABLES',
  );
  await using tail = follow({ server: primary, primary });
  const delivers = (id: number): Promise<void> =>
    until(
      `row ${id} is delivered`,
      () =>
        tail.transactions.some(({ changes }) =>
          changes.some((change) => change.kind === 'insert' && change.after?.['id'] === String(id)),
        ),
      PATIENT_MS,
    );
  await until('it streams', () => tail.tail.state.kind === 'streaming', PATIENT_MS);
  await primary.query('INSERT INTO t VALUES (1)');
  await delivers(1);
  await primary.stop();
  copyFolder(primary.dataDir, copy);
  await primary.start();
  await primary.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))`);
  await primary.query('INSERT INTO t VALUES (2)');
  await delivers(2);
  assert.deepEqual(tail.gaps, []);
  await primary.stop();
  rmSync(primary.dataDir, { recursive: true });
  copyFolder(copy, primary.dataDir);
  await primary.start();
  await until('the gap is told', () => tail.gaps.length > 0, PATIENT_MS);
  assert.match(tail.gaps.join(), /an older copy of the database was put back/);
  await until('it streams anew', () => tail.tail.state.kind === 'streaming', PATIENT_MS);
  await primary.query('INSERT INTO t VALUES (3)');
  await delivers(3);
});

/** With its owner, whom the server runs as, and its rights, which the server insists on. */
function copyFolder(from: string, to: string): void {
  const { uid, gid, mode } = statSync(from);
  cpSync(from, to, { recursive: true });
  chmodSync(to, mode);
  for (const entry of ['.', ...readdirSync(to, { recursive: true, encoding: 'utf8' })])
    chownSync(join(to, entry), uid, gid);
}
