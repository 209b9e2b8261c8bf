/**
 * Owns a server of a region in a process of its own, that reads counters when it is asked. Its argument is the settings
 * as JSON.
 */
import { createDataLayer } from '../../src/index.ts';
import { messageOf } from '../../src/base/errors.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { readCounter, SCHEMA } from './counting-region.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as Record<string, unknown>;
const layer = await createDataLayer({
  settings,
  schema: SCHEMA,
  telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { pid: process.pid } }),
});
process.on('message', ({ ask, id, token }: { ask: number; id: number; token: string | null }) => {
  readCounter(layer, id, token).then(
    (seen) => process.send?.({ ask, ...seen }),
    (error: unknown) => process.send?.({ ask, error: messageOf(error) }),
  );
});
// Whoever started it is gone.
process.once('disconnect', () => process.exit());
process.send?.({ ask: 0, value: 0, token: null });
