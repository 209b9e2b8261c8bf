/**
 * Owns servers that an earlier cluster has left running after a kill -9 of both its processes: they are ended before
 * their data is used.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../base/clock.ts';
import { MeridianError } from '../../base/errors.ts';
import { commandOf, startOf } from '../process.ts';

const END_MS = 5_000;
const POLL_MS = 20;

/** Call only with the cluster's lock held. PostgreSQL itself handles a pid file whose process is gone. */
export async function endLeftover(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  // Another process may have the number now: only a server that runs on this directory is ended.
  if (!Number.isSafeInteger(pid) || pid <= 1 || !commandOf(pid)?.includes(`-D ${dataDir} `)) return;
  const started = startOf(pid);
  process.kill(pid, 'SIGQUIT');
  for (const until = performance.now() + END_MS; startOf(pid) === started && started !== undefined;) {
    if (performance.now() > until)
      throw new MeridianError({
        code: 'CLUSTER_START_FAILED',
        message: `A PostgreSQL server of an earlier cluster (process ${pid}) still runs on ${dataDir} and does not end; kill it.`,
      });
    await sleep(POLL_MS);
  }
}
