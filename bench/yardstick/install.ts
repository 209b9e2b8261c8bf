/**
 * Owns the peers' packages: in a folder of their own, so that the project's own `npm ci` has none of them, and
 * installed at the first run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installLocked } from '../../test/support/locked-packages.ts';

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));
const INSTALL_MS = 600_000;
const GENERATE_MS = 120_000;

/** Installs what bench/peers/package-lock.json has, and makes Prisma's client, unless that has been done. */
export function installPeers(say: (sentence: string) => void): void {
  if (
    installLocked(FOLDER, {
      limitMs: INSTALL_MS,
      before: () => say("installing the peers' packages (once, some minutes)"),
    })
  )
    generateClient();
  else if (!existsSync(join(FOLDER, 'node_modules/.prisma-peer'))) generateClient();
}

function generateClient(): void {
  const env = {
    ...process.env,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    // An engine for migrations, which generating does not use but would download where nothing is named.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  };
  const { status, error, stderr } = spawnSync(
    process.execPath,
    [join(FOLDER, 'node_modules/prisma/build/index.js'), 'generate', '--schema', join(FOLDER, 'prisma/schema.prisma')],
    { cwd: FOLDER, encoding: 'utf8', timeout: GENERATE_MS, env },
  );
  if (status !== 0) throw new Error(`Prisma's client cannot be generated: ${error?.message ?? stderr}`);
}

/** Versions of what is measured, for the record. */
export function versionsOfPeers(): Record<string, string> {
  const { packages } = JSON.parse(readFileSync(join(FOLDER, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; dependencies?: Record<string, string> }>;
  };
  return Object.fromEntries(
    Object.keys(packages['']?.dependencies ?? {}).map((name) => [
      name,
      packages[`node_modules/${name}`]?.version ?? '',
    ]),
  );
}
