/**
 * Owns a process that uses a data layer, closes it and has nothing left to do: it must end by itself. Its argument is
 * the settings as JSON.
 */
import { createDataLayer } from '../../src/index.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';

const { settings, schema } = JSON.parse(process.argv[2] ?? '{}') as {
  settings: Record<string, unknown>;
  schema: string;
};
const layer = await createDataLayer({ settings, schema, telemetry: silentTelemetry() });
const { token } = await layer.transaction((tx) =>
  tx.query('UPDATE users SET bio = $1 WHERE id = 30', ['from a process']),
);
const { rows } = await layer.read('SELECT bio FROM users WHERE id = 30', [], { token });
const { loaders } = layer.loaders({ level: 'STRONG' });
const user = await loaders.one('User', ['id'], [30]);
await layer.read('SELECT 1', [], { level: 'SNAPSHOT' });
await layer.close();
console.log(JSON.stringify([rows[0]?.['bio'], user?.['bio']])); // eslint-disable-line no-console
