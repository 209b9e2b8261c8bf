/**
 * Owns a process that logs without end and closes on signals, for tests of what becomes of it when nobody reads its
 * log. Its argument, if there is one, is a file for its process id.
 */
import { writeFileSync } from 'node:fs';
import { closeOnSignals } from '../../src/server/shutdown.ts';
import { detachFromReader } from '../../src/telemetry/output.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';

const BURST = 100;
const { log, metrics } = createTelemetry({ level: 'info', bufferBytes: 20_000 });
detachFromReader(process.stderr);
closeOnSignals({ close: async () => undefined, limitMs: 3_000, flushMs: 300, log });
const [pidFile] = process.argv.slice(2);
if (pidFile !== undefined) writeFileSync(pidFile, String(process.pid));
let n = 0;
const timer = setInterval(() => {
  for (let i = 0; i < BURST; i += 1) log.info({ n: n++, filler: 'x'.repeat(1_000) }, 'a line');
  process.stderr.write('y'.repeat(20_000));
  void tell();
}, 5);

async function tell(): Promise<void> {
  const dropped = (await metrics.logDropped.get()).values[0]?.value ?? 0;
  process.send?.({ lines: n, dropped, waiting: process.stdout.writableLength });
}

process.on('message', (message) => {
  if (message === 'quiet') clearInterval(timer);
  else log.info('the last line');
});
