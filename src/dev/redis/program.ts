/** Owns finding a Redis or Valkey server on the machine; without one the cluster has no shared caches. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { PLAIN_ENV } from '../postgres/account.ts';

export interface RedisProgram {
  readonly path: string;
  readonly product: 'Redis' | 'Valkey';
  /** As the program reports it, `7.0.15`. */
  readonly version: string;
}

const NAMES = ['redis-server', 'valkey-server'] as const;
/** Folders where packages install it and that a shell's PATH may not include. */
const COMMON_FOLDERS = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/opt/homebrew/sbin',
  '/opt/local/bin',
  '/home/linuxbrew/.linuxbrew/bin',
  '/snap/bin',
];
const VERSION_MS = 5_000;
/** The version that the shared cache needs. */
const OLDEST = { major: 6, minor: 2 };

export interface RedisSearch {
  /** Folders that are searched first, as in PATH. */
  readonly path?: string;
  readonly commonFolders?: readonly string[];
}

/** The first one that runs and is recent enough; null if there is none. */
export function findRedis({
  path = process.env['PATH'] ?? '',
  commonFolders = COMMON_FOLDERS,
}: RedisSearch = {}): RedisProgram | null {
  const folders = new Set([...path.split(delimiter).filter((folder) => isAbsolute(folder)), ...commonFolders]);
  for (const folder of folders) {
    for (const name of NAMES) {
      const program = isProgram(join(folder, name)) ? versionOf(join(folder, name)) : null;
      if (program !== null) return program;
    }
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, or not executable by this user.
    return false;
  }
}

/** `Redis server v=7.0.15 sha=…`, `Valkey server v=8.0.1 sha=…`. */
function versionOf(path: string): RedisProgram | null {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', env: PLAIN_ENV, timeout: VERSION_MS });
  const said = status === 0 ? /^(Redis|Valkey) server v=(\d+(?:\.\d+)*)/.exec(stdout) : null;
  const [major = 0, minor = 0] = (said?.[2] ?? '').split('.').map(Number);
  const usable = major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
  return said && usable ? { path, product: said[1] as RedisProgram['product'], version: said[2] ?? '' } : null;
}
