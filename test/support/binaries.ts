/** Owns which PostgreSQL the tests' own servers run, and under which account: where that account can reach it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { reachableCopies } from '../../src/dev/postgres/binary-copy.ts';
import { findPackage } from '../../src/dev/postgres/binaries.ts';

const UNPRIVILEGED = 65_534;

/** postgres refuses to run as root. */
export const POSTGRES_USER: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};

/**
 * The folder of the development cluster's PostgreSQL, or a copy of it where the checkout lies in a home that only root
 * may enter; `MERIDIAN_TEST_POSTGRES` names another one, to run the tests on another version.
 */
export function binaryFolder(): string {
  const other = process.env['MERIDIAN_TEST_POSTGRES'];
  if (other !== undefined) return other;
  const found = findPackage();
  const candidates = function* (): Generator<string> {
    yield found.home;
    yield* reachableCopies(found);
  };
  for (const home of candidates()) {
    const folder = join(home, 'bin');
    if (spawnSync(join(folder, 'postgres'), ['--version'], { ...POSTGRES_USER, cwd: '/' }).status === 0) return folder;
  }
  throw new Error(`PostgreSQL cannot be run from ${found.home}`);
}
