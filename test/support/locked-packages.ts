/**
 * Owns packages that lie in a folder of their own, apart from the project's: installed as that folder's lock file has
 * them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface InstallOptions {
  readonly limitMs: number;
  /** Called when something has to be installed. */
  readonly before?: () => void;
}

/** Installs what the lock file has, without running packages' scripts, unless it is there; then the answer is false. */
export function installLocked(folder: string, { limitMs, before }: InstallOptions): boolean {
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (existsSync(installed) && hasWhatIsLocked(folder, installed)) return false;
  before?.();
  const { status, error, stderr } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: limitMs,
  });
  if (status !== 0) throw new Error(`The packages of ${folder} cannot be installed: ${error?.message ?? stderr}`);
  return true;
}

function hasWhatIsLocked(folder: string, installed: string): boolean {
  const packagesOf = (file: string): Record<string, { readonly version?: string; readonly optional?: boolean }> =>
    (JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { version?: string }> }).packages;
  const there = packagesOf(installed);
  return Object.entries(packagesOf(join(folder, 'package-lock.json'))).every(
    ([path, { version, optional }]) => path === '' || optional === true || there[path]?.version === version,
  );
}
