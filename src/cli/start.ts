/** Owns `meridian start`: one region's server, in production. */
import cluster from 'node:cluster';
import { type Command } from 'commander';
import { loadConfig, type Config } from '../config/load.ts';
import { detachFromReader } from '../telemetry/output.ts';
import { givenFlags, registerOptions } from './flags.ts';

/** Time until killed workers are gone. */
const KILLED_MS = 1_000;

export function registerStart(program: Command): void {
  const command = program
    .command('start')
    .description('serve the application in one region')
    .addHelpText(
      'after',
      '\nRegions and secrets come from the environment (MERIDIAN_REGIONS, DB_URL_<REGION>, MERIDIAN_TOKEN_SECRET …)\nor from a file (--config); docs/configuration.md has all of it.',
    );
  registerOptions(command).action(async () => {
    // Each variant is loaded here, so that every other command starts without loading the server.
    if (cluster.isWorker) return (await import('./workers/worker.ts')).runWorker();
    const config = loadConfig({ flags: givenFlags(command), needs: ['regions', 'region', 'secrets', 'workers'] });
    for (const stream of [process.stdout, process.stderr]) detachFromReader(stream);
    return config.options.workers === 1 ? serve(config) : serveByWorkers(config);
  });
}

async function serve(config: Config): Promise<void> {
  const { options, region } = config;
  const [{ createTelemetry }, { startRuntime }, { closeOnSignals }] = await Promise.all([
    import('../telemetry/telemetry.ts'),
    import('../app/start.ts'),
    import('../server/shutdown.ts'),
  ]);
  const telemetry = createTelemetry({
    level: options.logLevel,
    fields: { region },
    process: true,
    bufferBytes: options.logBufferBytes,
  });
  for (const warning of config.warnings) telemetry.log.warn(warning);
  const runtime = await startRuntime({ config, telemetry });
  closeOnSignals({
    close: () => runtime.close(),
    limitMs: options.drainDelayMs + options.drainMs + options.closeMs,
    flushMs: options.logFlushMs,
    log: telemetry.log,
  });
  telemetry.log.info({ url: runtime.url }, `serving region ${region} at ${runtime.url}`);
}

async function serveByWorkers(config: Config): Promise<void> {
  const { options, region } = config;
  const [{ createTelemetry }, { closeLimitMs, Workers }, { closeOnSignals }] = await Promise.all([
    import('../telemetry/telemetry.ts'),
    import('./workers/workers.ts'),
    import('../server/shutdown.ts'),
  ]);
  const { log } = createTelemetry({ level: options.logLevel, fields: { region }, bufferBytes: options.logBufferBytes });
  for (const warning of config.warnings) log.warn(warning);
  const workers = new Workers(config, log);
  // Set from the beginning: workers are stopped by a message from this process, not by a signal.
  closeOnSignals({
    close: () => workers.close(),
    limitMs: closeLimitMs(options) + KILLED_MS,
    flushMs: options.logFlushMs,
    log,
  });
  const url = await workers.start();
  if (url !== null)
    log.info({ url, workers: options.workers }, `serving region ${region} at ${url} with ${options.workers} workers`);
}
