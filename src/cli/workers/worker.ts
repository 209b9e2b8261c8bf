/** Owns one worker: a whole server of the region, which the parent process starts and closes. */
import { closeOnSignals } from '../../server/shutdown.ts';
import { startRuntime, type Runtime } from '../../app/start.ts';
import { detachFromReader } from '../../telemetry/output.ts';
import { createTelemetry, type Telemetry } from '../../telemetry/telemetry.ts';
import { carried, messageFrom, type FromWorker, type ToWorker } from './messages.ts';
import { SumOfWorkers } from './sum-of-workers.ts';

type Start = Extract<ToWorker, { kind: 'start' }>;
type Later = Exclude<ToWorker, { kind: 'start' }>;

/** Waits for the configuration, which the parent process sends to all workers, and serves. */
export function runWorker(): void {
  for (const stream of [process.stdout, process.stderr]) detachFromReader(stream);
  // Before the start there is nothing to close and nothing to ask.
  let later = ({ kind }: Later): void => void (kind === 'close' && process.exit(0));
  process.on('message', (received) => {
    const message = messageFrom<ToWorker>(received);
    if (message?.kind === 'start') later = begin(message);
    else if (message !== null) later(message);
  });
}

/** Returns the handler of later messages. */
function begin({ number, config }: Start): (message: Later) => void {
  const { options, region } = config;
  const own = createTelemetry({
    level: options.logLevel,
    fields: { region, worker: number },
    process: true,
    bufferBytes: options.logBufferBytes,
  });
  const { registry } = own.metrics;
  const sum = new SumOfWorkers({
    ask: (id) => void tell({ kind: 'sum', id }),
    own: () => registry.metrics(),
    log: own.log,
  });
  let runtime: Runtime | null = null;
  const close = closeOnSignals({
    close: async () => runtime?.close(),
    limitMs: options.drainDelayMs + options.drainMs + options.closeMs,
    flushMs: options.logFlushMs,
    log: own.log,
    isWorker: true,
  });
  void serve({ ...own, exposed: () => sum.text() }, config).then((served) => (runtime = served));
  return (message) => {
    if (message.kind === 'close') close('of the first process');
    else if (message.kind === 'sum') sum.told(message.id, message.text);
    else
      registry.getMetricsAsJSON().then(
        (metrics) => tell({ kind: 'metrics', id: message.id, metrics: metrics }),
        (error: unknown) => own.log.error({ err: error }, 'the metrics could not be read'),
      );
  };
}

async function serve(telemetry: Telemetry, config: Start['config']): Promise<Runtime> {
  try {
    const runtime = await startRuntime({ config, telemetry });
    void tell({ kind: 'serving', url: runtime.url });
    return runtime;
  } catch (error) {
    await tell({ kind: 'failed', error: carried(error) });
    process.exit(1);
  }
}

/** Resolves once it is sent, or cannot be. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
