import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ourPlace, reachableCopies, type BinaryPackage } from '../../../src/dev/postgres/binary-copy.ts';

describe("copies of PostgreSQL's programs", () => {
  let folder: string;
  let found: BinaryPackage;
  let base: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-copy-'));
    base = join(folder, 'base');
    mkdirSync(base);
    const home = join(folder, 'package', 'native');
    for (const part of ['bin', 'lib']) mkdirSync(join(home, part), { recursive: true });
    writeFileSync(join(home, 'bin', 'postgres'), 'program', { mode: 0o700 });
    writeFileSync(join(home, 'lib', 'libx.so.1.2'), 'library', { mode: 0o600 });
    writeFileSync(
      join(home, 'pg-symlinks.json'),
      '[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]',
    );
    found = { root: join(folder, 'package'), home, version: '18.4.0' };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const copyOf = (): string => [...reachableCopies(found, [base])][0] ?? assert.fail();

  it('are readable by everyone, and whole with the links that npm leaves out', () => {
    const copy = copyOf();
    assert.match(copy, /meridian-postgres-18\.4\.0-[0-9a-f]{12}$/);
    assert.equal(lstatSync(copy).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(copy, 'bin', 'postgres')).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(copy, 'lib', 'libx.so.1.2')).mode & 0o777, 0o644);
    assert.equal(readlinkSync(join(copy, 'lib', 'libx.so.1')), 'libx.so.1.2');
    assert.deepEqual(readdirSync(base).length, 1, 'nothing unfinished is left');
  });

  it('are used again, are repaired when something is missing, and have a folder for each content', () => {
    const first = copyOf();
    rmSync(join(first, 'lib', 'libx.so.1.2'));
    assert.equal(copyOf(), first);
    assert.ok(existsSync(join(first, 'lib', 'libx.so.1.2')));
    writeFileSync(join(found.home, 'bin', 'postgres'), 'PROGRAM');
    assert.notEqual(copyOf(), first);
  });

  it('are not used from a folder that others may write to', () => {
    const first = copyOf();
    chmodSync(first, 0o777);
    assert.equal(copyOf(), `${first}-1`);
    writeFileSync(join(base, 'name'), '');
    assert.equal(ourPlace(base, 'name'), join(base, 'name-1'));
  });
});
