/** Owns how failures of the machine are reported: one sentence that names what is wrong, where, and the fix. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { MeridianError, isMeridianError, messageOf } from '../base/errors.ts';

const TAIL_BYTES = 8_192;
const NO_SPACE = /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes/i;

function known(code: string | undefined, where: string): string | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `${where} has no space left on its disk; free some or choose another place with --data.`;
    case 'EACCES':
    case 'EPERM':
      return `${where} may not be written by this user; change its owner or start in another folder.`;
    case 'EROFS':
      return `${where} lies on a read-only file system; start in another folder or choose another place with --data.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${where} is in the way or is no folder; move it or choose another place with --data.`;
    case 'ENOENT':
      return `${where} cannot be made there; choose another place with --data.`;
    case 'EMFILE':
    case 'ENFILE':
      return `${where} met the limit of open files on this machine; raise the limit (ulimit -n).`;
    default:
      return undefined;
  }
}

/**
 * Converts any error to a `MeridianError`; `where` is what was being written or started, as the beginning of a
 * sentence.
 */
export function explain(error: unknown, where: string): MeridianError {
  if (isMeridianError(error)) return error;
  const message =
    known((error as NodeJS.ErrnoException | undefined)?.code, where) ?? `${where} failed: ${messageOf(error)}.`;
  return new MeridianError({ code: 'CLUSTER_START_FAILED', message, cause: error });
}

/** The output of a failed program as one sentence. */
export function explainOutput(output: string, where: string): MeridianError {
  if (NO_SPACE.test(output)) return explain({ code: 'ENOSPC' }, where);
  if (/could not look up effective user ID/.test(output))
    return new MeridianError({
      code: 'CLUSTER_START_FAILED',
      message: `${where} failed: PostgreSQL wants a name for the account that it runs under, and number ${process.getuid?.() ?? ''} has none; add a line for it to /etc/passwd or start as another user.`,
    });
  if (/Read-only file system/i.test(output)) return explain({ code: 'EROFS' }, where);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => /FATAL|PANIC|ERROR|error:|cannot|could not/i.test(line));
  const last = (telling.length > 0 ? telling : lines).slice(-2).join(' / ').trim();
  return new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `${where} failed: ${last === '' ? 'it wrote nothing' : last}.`,
  });
}

/**
 * A full disk shows in many ways, even as a connection that ends without an error; the servers' logs tell the cause.
 */
export function explainFullDisk(error: unknown, where: string, logs: readonly string[]): unknown {
  const told = [messageOf(error), ...logs.map((log) => tailOf(log))].some((text) => NO_SPACE.test(text));
  return told ? explain({ code: 'ENOSPC' }, where) : error;
}

/** Runs `work`; every failure of the machine becomes one sentence about `where`. */
export async function explained<T>(where: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(error, where);
  }
}

/**
 * The end of a log file from byte `from` on; empty if it cannot be read, since a missing log must not hide the first
 * failure.
 */
export function tailOf(path: string, from = 0): string {
  try {
    const size = statSync(path).size;
    const start = Math.max(from, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const file = openSync(path, 'r');
    try {
      readSync(file, buffer, 0, buffer.length, start);
    } finally {
      closeSync(file);
    }
    return buffer.toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    return `(the log ${path} cannot be read: ${messageOf(error)})`;
  }
}
