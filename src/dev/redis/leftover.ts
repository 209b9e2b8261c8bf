/**
 * Owns Redis servers that an earlier cluster has left running after a kill -9 of both its processes: they are ended
 * before their ports are used.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../base/clock.ts';
import { commandOf, startOf } from '../process.ts';
import { PID_FILE } from './folder.ts';

const END_MS = 5_000;
const POLL_MS = 20;

/** Ends the servers whose pid files are in `dataDir`. */
export async function endLeftoverRedis(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  for (const name of readdirSync(dataDir)) {
    const port = PID_FILE.exec(name)?.[1];
    if (port === undefined) continue;
    const pid = Number(readFileSync(join(dataDir, name), 'utf8').trim());
    // Another process may have the number now: a Redis server shows its address in its command line.
    if (
      !Number.isSafeInteger(pid) ||
      pid <= 1 ||
      !new RegExp(`(redis|valkey)-server .*127\\.0\\.0\\.1:${port}\\b`).test(commandOf(pid) ?? '')
    )
      continue;
    const started = startOf(pid);
    process.kill(pid, 'SIGKILL');
    for (
      const until = performance.now() + END_MS;
      startOf(pid) === started && started !== undefined && performance.now() < until;
    )
      await sleep(POLL_MS);
  }
}
