/**
 * Owns a program that starts a cluster and then waits to be killed: it prints the process ids that must not outlive it.
 */
import { startTestCluster } from './cluster.ts';

const { cluster } = await startTestCluster({ regions: ['a', 'b'] });
process.stdout.write(
  `${JSON.stringify({ pids: [cluster.supervisor.pid, ...cluster.regions.map(({ postgres }) => postgres.pid)], dataDir: cluster.dataDir })}\n`,
);
setInterval(() => undefined, 60_000);
