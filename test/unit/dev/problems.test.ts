import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { explain, explainFullDisk, explainOutput } from '../../../src/dev/problems.ts';

describe('trouble with the machine', () => {
  it('is told in one sentence that says what to do', () => {
    assert.equal(
      explain({ code: 'ENOSPC' }, 'The data folder /d').message,
      'The data folder /d has no space left on its disk; free some or choose another place with --data.',
    );
    assert.equal(
      explain({ code: 'EACCES' }, 'The folder /d').message,
      'The folder /d may not be written by this user; change its owner or start in another folder.',
    );
    assert.equal(explain(new Error('boom'), 'Starting').message, 'Starting failed: boom.');
  });

  it('is found in what a program wrote', () => {
    assert.match(
      explainOutput('FATAL:  could not write: No space left on device', 'Copying').message,
      /^Copying has no space left/,
    );
    assert.match(
      explainOutput('FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes', 'Copying').message,
      /^Copying has no space left/,
    );
    assert.equal(
      explainOutput('hint\nFATAL:  bad thing\nbye', 'Starting').message,
      'Starting failed: FATAL:  bad thing.',
    );
    assert.equal(explainOutput('', 'Starting').message, 'Starting failed: it wrote nothing.');
  });

  it('is found to be a full disk in the logs of servers that ended without an error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-log-'));
    const log = join(folder, 'server.log');
    const broken = new Error('Connection terminated unexpectedly');
    assert.equal(explainFullDisk(broken, 'The folder', [log]), broken);
    writeFileSync(log, 'PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device\n');
    const told = explainFullDisk(broken, 'The folder', [log]);
    assert.ok(isMeridianError(told, 'CLUSTER_START_FAILED') && /no space left/.test(told.message));
    rmSync(folder, { recursive: true });
  });
});
