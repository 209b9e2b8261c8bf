/** Owns free ports for tests that start a server which cannot choose one itself. */
import { createServer } from 'node:net';

/** Below the range that systems hand out for outgoing connections, so that none of those takes a port between our look and our use. */
const PORTS_FROM = 10_000;
const PORTS = 10_000;
/** A node of a Cluster listens on the port that much above its own, too. */
const BUS_OFFSET = 10_000;
const PORT_TRIES = 200;

/** A port that nobody listens on, nor on that of the Cluster's bus which belongs to it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = PORTS_FROM + Math.floor(Math.random() * PORTS);
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port;
  }
  throw new Error(`no free port was found in ${PORT_TRIES} tries`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true)));
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}
