/**
 * Owns the cluster's handle of the simulated WAN: it starts the thread, knows every link's port, and calls the control
 * interface.
 */
import { Worker } from 'node:worker_threads';
import { MeridianError, messageOf } from '../../base/errors.ts';
import { entryPath } from '../entry.ts';
import { WanControl } from './client.ts';
import { type SimulatedWanOptions, type SimulatedWanReady } from './simulated-wan.ts';
import { type LinkKind } from './topology.ts';

/** The simulated WAN between the servers of one cluster. */
export interface Crossings {
  /** The port in `from` that leads to `to`. */
  port(from: string, to: string, kind: LinkKind): number;
}

export class Wan extends WanControl implements Crossings {
  readonly #worker: Worker;
  readonly #ports: ReadonlyMap<string, number>;
  /** Resolves with the reason if the simulated WAN's thread breaks. */
  readonly failed: Promise<string>;

  private constructor(worker: Worker, ready: SimulatedWanReady) {
    super(ready.control);
    this.#worker = worker;
    this.failed = new Promise((resolve) => worker.once('error', (error) => resolve(messageOf(error))));
    this.#ports = new Map(
      ready.links.map(({ cluster, from, to, kind, port }) => [`${cluster}/${from}/${to}/${kind}`, port]),
    );
  }

  static async start(options: SimulatedWanOptions): Promise<Wan> {
    const worker = new Worker(entryPath('./wan/worker.ts'), { workerData: options, execArgv: [] });
    const { promise, resolve, reject } = Promise.withResolvers<SimulatedWanReady>();
    worker
      .once('message', resolve)
      .once('error', reject)
      .once('exit', () =>
        reject(
          new MeridianError({
            code: 'CLUSTER_START_FAILED',
            message: 'The process that simulates the network between regions ended before it was ready.',
          }),
        ),
      );
    return new Wan(worker, await promise);
  }

  crossingsOf(cluster: string): Crossings {
    return {
      port: (from, to, kind) => {
        const port = this.#ports.get(`${cluster}/${from}/${to}/${kind}`);
        if (port === undefined) throw new RangeError(`there is no ${kind} link from ${from} to ${to}`);
        return port;
      },
    };
  }

  /** The port in `from` that leads to `to`, if there is one cluster. */
  port(from: string, to: string, kind: LinkKind): number {
    return this.crossingsOf('').port(from, to, kind);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
