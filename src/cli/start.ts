/** Owns `meridian start`: one region's server, in production. */
import { type Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { detachFromReader } from '../telemetry/output.ts';
import { givenFlags, registerOptions } from './flags.ts';

export function registerStart(program: Command): void {
  const command = program
    .command('start')
    .description('serve the application in one region')
    .addHelpText('after', '\nRegions and secrets come from the environment (MERIDIAN_REGIONS, DB_URL_<REGION>, MERIDIAN_TOKEN_SECRET …)\nor from a file (--config); docs/configuration.md has all of it.');
  registerOptions(command).action(async () => {
    const config = loadConfig({ flags: givenFlags(command), needs: ['regions', 'region', 'secrets'] });
    const { options, region } = config;
    // Loaded here: every other command does without the server and starts in a fraction of the time.
    const [{ createTelemetry }, { startRuntime }, { closeOnSignals }] =
      await Promise.all([import('../telemetry/telemetry.ts'), import('../runtime/start.ts'), import('../server/shutdown.ts')]);
    for (const stream of [process.stdout, process.stderr]) detachFromReader(stream);
    const telemetry = createTelemetry({ level: options.logLevel, fields: { region }, process: true, bufferBytes: options.logBufferBytes });
    for (const warning of config.warnings) telemetry.log.warn(warning);
    const runtime = await startRuntime({ config, telemetry });
    closeOnSignals({
      close: () => runtime.close(),
      limitMs: options.drainDelayMs + options.drainMs + options.closeMs,
      flushMs: options.logFlushMs,
      log: telemetry.log,
    });
    telemetry.log.info({ url: runtime.url }, `serving region ${region} at ${runtime.url}`);
  });
}
