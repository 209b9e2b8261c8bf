/**
 * Owns which processor runs what: the measured server has one for itself, the load and the databases have the others.
 */
import { spawnSync } from 'node:child_process';

export interface Cores {
  readonly server: string;
  readonly load: string;
  readonly data: string;
}

const FOR_THREE = 3;

/** Null where processes cannot be pinned: there is no `taskset`, or one processor only. */
export function chooseCores(): Cores | null {
  const { status, stdout } = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
  if (status !== 0) return null;
  const allowed = listed(stdout.slice(stdout.lastIndexOf(':') + 1));
  const [server, load, ...others] = allowed.map(String);
  if (server === undefined || load === undefined) return null;
  return { server, load, data: allowed.length >= FOR_THREE ? others.join() : load };
}

/** `0,2-3` → 0, 2, 3 */
function listed(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = NaN, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/** Moves this process with all its threads; what it starts from now on inherits it. */
export function moveTo(core: string): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', core, String(process.pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset could not pin this process to ${core}: ${stderr}`);
}

/** The command that starts `command` on `core`; unpinned where that is null. */
export function pinned(core: string | null, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return core === null ? command : ['taskset', '-c', core, ...command];
}
