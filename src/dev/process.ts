/** Owns inspection of processes that this process has not started: whether one runs, since when, and its command. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const HAS_PROC = existsSync('/proc/self/stat');

function fromProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended while its file was being read.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function fromPs(pid: number, column: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** The fields of /proc/<pid>/stat after the name, which may itself contain spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = fromProc(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/**
 * When a process began, as the system's text; undefined if there is none. Distinguishes a process from a later one with
 * the same number.
 */
export function startOf(pid: number): string | undefined {
  if (!HAS_PROC) return fromPs(pid, 'lstart');
  const fields = statFields(pid);
  // A zombie has ended; its parent has not yet collected the exit status.
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

/** The process that started `pid`; undefined when either is unknown. */
export function parentOf(pid: number): number | undefined {
  const text = HAS_PROC ? statFields(pid)?.[1] : fromPs(pid, 'ppid');
  return text === undefined ? undefined : Number(text);
}

/** The command line of a process, words joined by spaces; undefined when there is none. */
export function commandOf(pid: number): string | undefined {
  return HAS_PROC ? fromProc(pid, 'cmdline')?.replaceAll('\0', ' ').trim() : fromPs(pid, 'args');
}
