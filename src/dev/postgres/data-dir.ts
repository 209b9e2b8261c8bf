/** Owns the creation of data folders and who may enter them. */
import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Account } from './account.ts';

/** A new, empty data directory of the account; replaces whatever is there. */
export function makeDataDir(path: string, account: Account | undefined): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  if (account) chownSync(path, account.uid, account.gid);
}

/**
 * One level at a time, since Node's `recursive` never ends if the system reports a folder as absent that it refuses to
 * create (/proc).
 */
export function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  mkdirSync(path, { mode: 0o711 });
}

/** A folder that this user owns and that the account may traverse to reach its own folders. */
export function makeTraversable(path: string): void {
  makeFolders(path);
  chmodSync(path, 0o711);
}
