/**
 * Owns what the operating system tells of a process. Only Linux does so in files; elsewhere these figures are missing.
 */
import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second for everybody. */
const TICK_MS = 10;
const USER_TIME = 11;
const SYSTEM_TIME = 12;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Processor time of all its threads so far, milliseconds; null where it is not known. */
export function cpuMsOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The program's name stands in parentheses and may have blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_MS;
}

/** Memory that it has, megabytes; null where it is not known. */
export function memoryMbOf(pid: number): number | null {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1_024;
}
