/** Owns the process that sends the load, on a processor of its own, as the command sees it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinned } from './cores.ts';
import { type LoadMessage, type LoadOrder, type LoadReport } from './order.ts';

export class Loader implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor(core: string | null) {
    const [program, ...args] = pinned(core, [process.execPath, fileURLToPath(new URL('./load.ts', import.meta.url))]);
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) =>
        reject(new Error(`the process that sends the load ended with ${signal ?? `status ${code}`}`)),
      );
    });
    // Told to whoever waits for a report.
    this.#ended.catch(() => undefined);
  }

  async run(order: LoadOrder): Promise<LoadReport> {
    const { promise, resolve } = Promise.withResolvers<LoadMessage>();
    this.#child.once('message', resolve);
    this.#child.send(order);
    const message = await Promise.race([promise, this.#ended]);
    if ('failure' in message) throw new Error(`the load failed: ${message.failure}`);
    return message.report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await gone;
  }
}
