/**
 * Owns finding PostgreSQL 15 for tests, the oldest version that Meridian supports, installed first where that is
 * possible.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const MAJOR = 15;
/** Where Debian and PGDG, Red Hat and Homebrew put it. */
const FOLDERS = [
  `/usr/lib/postgresql/${MAJOR}/bin`,
  `/usr/pgsql-${MAJOR}/bin`,
  `/opt/homebrew/opt/postgresql@${MAJOR}/bin`,
  `/usr/local/opt/postgresql@${MAJOR}/bin`,
];
const INSTALL_MS = 180_000;

const found = (): string | null =>
  FOLDERS.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null;

/** The folder of its programs; null where there is none and this user may not install one. */
export function postgres15(): string | null {
  const present = found();
  if (present !== null || process.getuid?.() !== 0) return present;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const hadCluster = existsSync(`/etc/postgresql/${MAJOR}/main`);
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', `postgresql-${MAJOR}`], {
      env,
      timeout: INSTALL_MS,
    }).status === 0;
  if (!install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0) install();
  // Debian's package makes a server of its own and starts it; the test wanted the programs alone.
  if (!hadCluster && existsSync(`/etc/postgresql/${MAJOR}/main`))
    spawnSync('pg_dropcluster', ['--stop', String(MAJOR), 'main']);
  return found();
}
