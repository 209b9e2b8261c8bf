/** Owns the folders that hold data: who may enter them, and that they are ours. */
import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Account } from './account.ts';

/** A new, empty data directory of the account, in place of whatever was there. */
export function makeDataDir(path: string, account: Account | undefined): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  if (account) chownSync(path, account.uid, account.gid);
}

/** Step by step, since Node's `recursive` never ends where the system refuses a folder as absent (/proc). */
export function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  mkdirSync(path, { mode: 0o711 });
}

/** A folder that stays ours while the account may pass through it to what is its own. */
export function makeTraversable(path: string): void {
  makeFolders(path);
  chmodSync(path, 0o711);
}
