/**
 * Owns the cluster's side of the supervisor: processes that cannot outlive this one, each with a promise of its end.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { MeridianError } from '../../base/errors.ts';
import { entryPath } from '../entry.ts';
import { type Exit, type Report, type Request, type SpawnSpec } from './protocol.ts';

export interface SupervisedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Ends it by its stop steps; resolves when it has ended. */
  stop(): Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

interface Pending {
  readonly resolve: (process: SupervisedProcess) => void;
  readonly reject: (error: unknown) => void;
  readonly command: string;
  pid: number | undefined;
  readonly group: boolean;
  readonly exit: PromiseWithResolvers<Exit>;
}

/** An error of the operating system, with its code, as the supervisor received it. */
function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

export class Supervisor {
  readonly #channel: ChildProcess;
  readonly #processes = new Map<number, Pending>();
  readonly #gone = Promise.withResolvers<void>();
  #nextId = 1;
  #stopping = false;

  private constructor(channel: ChildProcess) {
    this.#channel = channel;
    channel.on('message', (report: Report) => this.#onReport(report));
    channel.once('exit', () => this.#onGone());
    // A send that fails because the supervisor has ended is handled by 'exit'.
    channel.on('error', () => undefined);
  }

  /**
   * Starts the supervisor in its own session, so that Ctrl-C in a terminal reaches only the cluster's process. The
   * supervisor removes `discard` when it ends.
   */
  static async start(discard: readonly string[] = []): Promise<Supervisor> {
    const channel = fork(entryPath('./supervisor/main.ts'), discard, {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ready = Promise.withResolvers<void>();
    const onReady = (report: Report): void => (report.type === 'ready' ? ready.resolve() : undefined);
    const onEnd = (): void =>
      ready.reject(
        new MeridianError({
          code: 'CLUSTER_START_FAILED',
          message: 'The process that looks after the cluster could not be started; see the message above.',
        }),
      );
    channel.once('message', onReady).once('exit', onEnd).once('error', onEnd);
    await ready.promise;
    channel.off('exit', onEnd).off('error', onEnd);
    return new Supervisor(channel);
  }

  /** Resolves when the supervisor has ended, by request or killed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get pid(): number | undefined {
    return this.#channel.pid;
  }

  spawn(spec: SpawnSpec): Promise<SupervisedProcess> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<SupervisedProcess>();
    if (this.#stopping || !this.#channel.connected)
      throw new MeridianError({
        code: 'CLUSTER_START_FAILED',
        message: `The cluster is stopping, so ${spec.command} was not started.`,
      });
    this.#processes.set(id, {
      resolve,
      reject,
      command: spec.command,
      pid: undefined,
      group: spec.group,
      exit: Promise.withResolvers<Exit>(),
    });
    this.#send({ type: 'spawn', id, spec });
    return promise;
  }

  /** Removes a file or folder when the supervisor ends, in addition to those that it was started with. */
  discard(path: string): void {
    this.#send({ type: 'discard', id: 0, path });
  }

  /** Runs a program to its end. */
  async run(spec: SpawnSpec): Promise<Exit> {
    return (await this.spawn({ input: '', ...spec })).exited;
  }

  /** Ends every remaining process, then the supervisor; bounded by the processes' stop steps. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#send({ type: 'leave', id: 0 });
    await this.gone;
  }

  #send(request: Request): void {
    if (this.#channel.connected) this.#channel.send(request);
  }

  #onReport(report: Report): void {
    if (report.type === 'ready') return;
    const entry = this.#processes.get(report.id);
    if (!entry) return;
    if (report.type === 'failed') {
      this.#processes.delete(report.id);
      entry.reject(systemError(report.code, report.message));
    } else if (report.type === 'exited') {
      this.#processes.delete(report.id);
      entry.exit.resolve(report.exit);
    } else {
      entry.pid = report.pid;
      entry.resolve({
        pid: report.pid,
        exited: entry.exit.promise,
        stop: () => {
          this.#send({ type: 'stop', id: report.id });
          return entry.exit.promise;
        },
        kill: (signal) => this.#send({ type: 'kill', id: report.id, signal }),
      });
    }
  }

  /** The supervisor ends its processes before itself. One that was killed could not, so they are killed here. */
  #onGone(): void {
    for (const entry of this.#processes.values()) {
      if (entry.pid === undefined)
        entry.reject(systemError('SUPERVISOR_GONE', `the cluster ended before ${entry.command} had started`));
      else killLeftover(entry.pid, entry.group);
      entry.exit.resolve({ code: null, signal: 'SIGKILL', output: '' });
    }
    this.#processes.clear();
    this.#gone.resolve();
  }
}

function killLeftover(pid: number, group: boolean): void {
  try {
    process.kill(group ? -pid : pid, group ? 'SIGKILL' : 'SIGQUIT');
  } catch (error) {
    // ESRCH: it ended with the supervisor.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
