/**
 * Owns the program of a region's gateway: it serves the supergraph in the given file, with the servers' options from
 * the environment.
 */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../config/load.ts';
import { closeOnSignals } from '../../server/shutdown.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { startGateway } from './app.ts';

const [file = ''] = process.argv.slice(2);
const { options } = loadConfig();
const telemetry = createTelemetry({
  level: options.logLevel,
  fields: { region: options.region },
  process: true,
  bufferBytes: options.logBufferBytes,
});
const gateway = await startGateway({ supergraph: readFileSync(file, 'utf8'), options, telemetry });
closeOnSignals({
  close: () => gateway.close(),
  limitMs: options.drainDelayMs + options.drainMs + options.closeMs,
  flushMs: options.logFlushMs,
  log: telemetry.log,
});
telemetry.log.info({ port: options.port }, `the gateway of ${options.region} serves ${file}`);
