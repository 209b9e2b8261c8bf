/**
 * Owns TCP gates before a region's database and Redis: they hold answers back, lose messages or let nothing through,
 * and nobody is told.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface GateSettings {
  readonly targetPort: number;
  /** Whether this connection's answers can be held: told by the first bytes that its client sends. */
  readonly holds: (greeting: Buffer) => boolean;
}

/** A whole message to a subscriber, as Redis writes it: three bulk strings, of which the first is `message`. */
const MESSAGE = Buffer.from('*3\r\n$7\r\nmessage\r\n');

export class Gate implements AsyncDisposable {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets: Set<Socket>;
  #holdMs: (() => number) | null = null;
  #messagesToLose = 0;
  #isCut = false;

  private constructor(server: ReturnType<typeof createServer>, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(settings: GateSettings): Promise<Gate> {
    const sockets = new Set<Socket>();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const gate = new Gate(server, sockets);
    server.on('connection', (near) => gate.#carry(near, settings));
    return gate;
  }

  /**
   * Until `release`, each answer on connections that can be held comes this much later: what was read is long read when
   * it arrives.
   */
  hold(milliseconds: () => number): void {
    this.#holdMs = milliseconds;
  }

  release(): void {
    this.#holdMs = null;
  }

  /** The next so many published messages reach no subscriber behind this gate, and its connection stays. */
  loseMessages(count: number): void {
    this.#messagesToLose += count;
  }

  /** Messages that are still to be lost are not. */
  loseNoMore(): void {
    this.#messagesToLose = 0;
  }

  /** As a network that swallows packets: nobody is told. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Old connections are dropped, new ones go through. */
  heal(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.#sockets.delete(socket));
    // Either end may vanish at any time; that is what the gate is for.
    socket.on('error', () => socket.destroy());
    return socket;
  }

  #carry(near: Socket, { targetPort, holds }: GateSettings): void {
    this.#keep(near);
    if (this.#isCut) return void near.pause();
    const far = this.#keep(connect(targetPort, '127.0.0.1'));
    let holdable: boolean | null = null;
    near.on('data', (bytes: Buffer) => {
      holdable ??= holds(bytes);
      far.write(bytes);
    });
    // The order of bytes never changes: each waits for the one before it.
    let last: Promise<void> = Promise.resolve();
    let held = 0;
    far.on('data', (bytes: Buffer) => {
      const passed = this.#withoutLost(bytes);
      const holdMs = holdable === true ? (this.#holdMs?.() ?? 0) : 0;
      if (holdMs === 0 && held === 0) return void near.write(passed);
      held += 1;
      const due = new Promise((resolve) => setTimeout(resolve, holdMs));
      last = last
        .then(() => due)
        .then(() => {
          held -= 1;
          if (near.writable) near.write(passed);
        });
    });
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }

  #withoutLost(bytes: Buffer): Buffer {
    let rest = bytes;
    const kept: Buffer[] = [];
    while (this.#messagesToLose > 0 && rest.subarray(0, MESSAGE.length).equals(MESSAGE)) {
      const length = messageLength(rest);
      if (length === null) break;
      this.#messagesToLose -= 1;
      rest = rest.subarray(length);
    }
    kept.push(rest);
    return Buffer.concat(kept);
  }
}

/** Bytes of the message at the front; null where it is not whole. */
function messageLength(bytes: Buffer): number | null {
  let at = MESSAGE.length;
  for (let part = 0; part < 2; part += 1) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0 || bytes[at] !== 0x24) return null;
    at = end + 2 + Number(bytes.toString('latin1', at + 1, end)) + 2;
  }
  return at <= bytes.length ? at : null;
}

/**
 * Connections that read for clients, as the driver names them when it says hello; not those that follow the WAL or ask
 * for positions.
 */
export const isReadingConnection = (greeting: Buffer): boolean => greeting.includes('meridian read');
