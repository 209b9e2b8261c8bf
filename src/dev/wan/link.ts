/** Owns one link: a listening port in one region that leads over the simulated WAN to one server in another. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Pipe } from './pipe.ts';
import { type Conditions, type LinkKind } from './topology.ts';

const LOOPBACK = '127.0.0.1';
/** Maximum number of connections of one link; while it is cut they only accumulate. */
const MAX_CONNECTIONS = 2_000;

export interface LinkOptions {
  /** Whose servers it joins. */
  readonly cluster: string;
  readonly from: string;
  readonly to: string;
  readonly kind: LinkKind;
  readonly targetPort: number;
  readonly conditions: Conditions;
}

/** A link as the control interface shows it. */
export interface LinkReport {
  /** Whose servers it joins: the subgraph's name, empty for an application in one. */
  readonly cluster: string;
  readonly from: string;
  readonly to: string;
  readonly kind: LinkKind;
  /** Where `from`'s servers connect in order to reach `to`. */
  readonly port: number;
  readonly targetPort: number;
  readonly rttMs: number;
  /** In one direction. */
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly state: 'up' | 'cut';
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

interface Crossing {
  readonly sockets: readonly Socket[];
  readonly freeze: () => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #server: Server;
  readonly #crossings = new Set<Crossing>();
  #conditions: Conditions;
  #cut = false;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#conditions = options.conditions;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#cross(near));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen(0, LOOPBACK, resolve);
    await promise;
  }

  get report(): LinkReport {
    const { cluster, from, to, kind, targetPort } = this.#options;
    const { rttMs, jitterMs } = this.#conditions;
    const port = (this.#server.address() as AddressInfo | null)?.port ?? 0;
    return {
      cluster,
      from,
      to,
      kind,
      port,
      targetPort,
      rttMs,
      delayMs: rttMs / 2,
      jitterMs,
      state: this.#cut ? 'cut' : 'up',
      connections: this.#crossings.size,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
    };
  }

  /** For bytes sent from now on. */
  set conditions(conditions: Conditions) {
    this.#conditions = conditions;
  }

  /** As a cut cable: nothing passes and nobody is notified; connections stall and new ones hang. */
  cut(): void {
    this.#cut = true;
    for (const crossing of this.#crossings) crossing.freeze();
  }

  /**
   * New connections pass; those that stalled during the cut are reset, so that their ends connect again instead of
   * waiting.
   */
  heal(): void {
    if (!this.#cut) return;
    this.#cut = false;
    this.#resetAll();
  }

  close(): void {
    this.#server.close();
    this.#resetAll();
  }

  #resetAll(): void {
    for (const crossing of this.#crossings) for (const socket of crossing.sockets) socket.resetAndDestroy();
    this.#crossings.clear();
  }

  #delayMs(): number {
    const { rttMs, jitterMs } = this.#conditions;
    return Math.max(0, rttMs / 2 + (jitterMs === 0 ? 0 : ((Math.random() * 2 - 1) * jitterMs) / 2));
  }

  #cross(near: Socket): void {
    // Failures are followed by 'close', which the pipes pass on to the other end.
    near.on('error', () => undefined);
    if (this.#cut) return this.#hang(near);
    const oneWayMs = this.#delayMs();
    // The far server sees the connection one delay later, and the first bytes follow after the answer has come back.
    if (oneWayMs === 0) this.#dial(near, performance.now());
    else {
      const openAtMs = performance.now() + 2 * oneWayMs;
      const opening: Crossing = { sockets: [near], freeze: () => clearTimeout(timer) };
      const timer = setTimeout(() => {
        this.#crossings.delete(opening);
        this.#dial(near, openAtMs);
      }, oneWayMs);
      this.#hold(opening);
    }
  }

  #dial(near: Socket, openAtMs: number): void {
    const far = connect({ host: LOOPBACK, port: this.#options.targetPort, allowHalfOpen: true, noDelay: true });
    far.on('error', () => undefined);
    const delayMs = (): number => this.#delayMs();
    const there = new Pipe({
      source: near,
      sink: far,
      delayMs,
      openAtMs,
      onBytes: (count) => (this.#bytesSent += count),
    });
    const back = new Pipe({
      source: far,
      sink: near,
      delayMs,
      openAtMs: 0,
      onBytes: (count) => (this.#bytesReceived += count),
    });
    this.#hold({
      sockets: [near, far],
      freeze: () => {
        there.freeze();
        back.freeze();
      },
    });
  }

  /** A connection that is made while the link is cut: accepted by this end, never answered. */
  #hang(near: Socket): void {
    near.resume().once('end', () => near.destroy());
    this.#hold({ sockets: [near], freeze: () => undefined });
  }

  #hold(crossing: Crossing): void {
    this.#crossings.add(crossing);
    let open = crossing.sockets.length;
    for (const socket of crossing.sockets) {
      socket.once('close', () => {
        open -= 1;
        if (open === 0) this.#crossings.delete(crossing);
      });
    }
  }
}
