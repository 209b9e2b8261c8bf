/** Owns the folders that hold data: who may enter them, and that they are ours. */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { type Account } from './account.ts';

/** A new, empty data directory of the account, in place of whatever was there. */
export function makeDataDir(path: string, account: Account | undefined): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  if (account) chownSync(path, account.uid, account.gid);
}

/** A folder that stays ours while the account may pass through it to what is its own. */
export function makePassage(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o711 });
  chmodSync(path, 0o711);
}
