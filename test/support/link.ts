/** Owns a TCP link that a test can cut and heal: a cut link takes connections and bytes, and delivers neither. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TestLink extends AsyncDisposable {
  readonly port: number;
  /** As a network that swallows packets: nobody is told. */
  cut(): void;
  /** Old connections are dropped, new ones go through. */
  heal(): void;
}

export async function startLink(targetPort: number): Promise<TestLink> {
  let isCut = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Either end may vanish at any time; that is what the link is for.
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const server = createServer((near) => {
    keep(near);
    if (isCut) return;
    const far = keep(connect(targetPort, '127.0.0.1'));
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    heal() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
