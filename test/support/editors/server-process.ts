/**
 * Owns a process with the servers of some regions over a cluster that runs already. Its argument is their settings as
 * JSON; it prints their addresses.
 */
import { createServer } from '../../../src/index.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { EDITOR_FILES } from './schema.ts';

const settings = JSON.parse(process.argv[2] ?? '[]') as readonly Readonly<Record<string, unknown>>[];
const servers = await Promise.all(
  settings.map((one) => createServer({ ...EDITOR_FILES, telemetry: silentTelemetry(), settings: one })),
);
process.stdout.write(`${JSON.stringify(servers.map(({ url }) => url))}\n`);
// Whoever started it has gone.
process.stdin.on('end', () => process.exit()).resume();
