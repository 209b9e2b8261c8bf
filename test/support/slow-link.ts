/** Owns a TCP link with a delay each way, which a test can also cut at a moment of its choosing. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing passes back; what is on its way forward still arrives. */
  swallowAnswers(): void;
  /** Ends every connection, as a crashed router does. */
  drop(): void;
}

export async function startSlowLink(targetPort: number, rttMs: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    // Either end may vanish at any time; that is what the link is for.
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const carry = (from: Socket, to: Socket, answers: boolean): void => {
    from.on('data', (bytes) => {
      if (answers && swallowing) return;
      setTimeout(() => to.writable && to.write(bytes), rttMs / 2);
    });
    from.on('close', () => setTimeout(() => to.destroy(), rttMs / 2));
  };
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    carry(keep(near), keep(far), false);
    carry(far, near, true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    swallowAnswers: () => void (swallowing = true),
    drop: () => {
      swallowing = false;
      drop();
    },
    async [Symbol.asyncDispose]() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
