/**
 * Owns free ports for servers that cannot choose one themselves: nobody else who asks here gets them while this process
 * lives.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeridianError } from '../base/errors.ts';
import { type RegionPorts } from './ports.ts';

export interface PortRange {
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

/**
 * Below the range that systems hand out for outgoing connections (from 32,768), so that none of those takes a port
 * between our look and our use. A node of a Redis Cluster listens on the port 10,000 above its own, too.
 */
const SINGLE: PortRange = { from: 10_000, count: 10_000, step: 1 };
const BUS_OFFSET = 10_000;
const TRIES = 500;

/**
 * One file for each port that somebody has, with the id of the process: test files run at the same time, and servers
 * listen long after a port was chosen.
 */
const TAKEN = join(tmpdir(), 'meridian-test-ports');
const own = new Set<string>();

/** A port that nobody listens on, nor on that of the Cluster's bus which belongs to it. */
export function freePort(): Promise<number> {
  return claimPort(SINGLE, async (port) => (await isFree(port)) && (await isFree(port + BUS_OFFSET)));
}

export async function freePorts(regions: readonly string[]): Promise<Map<string, RegionPorts>> {
  const found = new Map<string, RegionPorts>();
  for (const region of regions)
    found.set(region, { http: await freePort(), postgres: await freePort(), redis: await freePort() });
  return found;
}

/** A port of the range that nobody has claimed and that `isUsable`. Throws `CLUSTER_START_FAILED` after many tries. */
export async function claimPort(
  { from, count, step }: PortRange,
  isUsable: (port: number) => Promise<boolean>,
): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = from + step * Math.floor(Math.random() * count);
    if (take(port) && (await isUsable(port))) return port;
  }
  throw new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `No free port was found from ${from} to ${from + step * (count - 1)} in ${TRIES} tries; stop what listens there.`,
  });
}

function take(port: number): boolean {
  mkdirSync(TAKEN, { recursive: true, mode: 0o777 });
  const file = join(TAKEN, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Left by a process that was killed: free for the next one who asks.
    if (!lives(Number(readOr(file)))) rmSync(file, { force: true });
    return false;
  }
  if (own.size === 0) process.once('exit', () => own.forEach((one) => rmSync(one, { force: true })));
  own.add(file);
  return true;
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function lives(pid: number): boolean {
  // Not written yet: whoever takes it is about to.
  if (!(pid > 0)) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) =>
    server
      .once('error', () => resolve(false))
      .listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true)),
  );
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}
