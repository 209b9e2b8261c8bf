/**
 * Owns the names of generations. A name includes the run of the primary in which a shared generation began: a primary
 * that crashed may have taken back what it had shown, on the same timeline, so a generation ends with the run even if
 * no process noticed the crash.
 */
import { randomUUID } from 'node:crypto';

/**
 * `run`: of the region's primary, without spaces; null where the region's server is a replica, which shows only what
 * its primary has flushed.
 */
export function newEpoch(run: string | null): string {
  return run === null ? randomUUID() : `${randomUUID()}~${run}`;
}

export function runOf(epoch: string): string | null {
  return epoch.split('~', 2)[1] ?? null;
}
