/**
 * Owns how settings reach a transaction: as parameters, for its length only, and what it means when the database
 * refuses them.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Setting } from '../../read/ports.ts';
import { toMeridianError } from './errors.ts';
import { sqlStateOf } from '../read/error.ts';
import { type SqlText } from './pool-connection.ts';

/**
 * To be sent right after BEGIN: one statement for all, none for none. Its name follows from their number, and so does
 * its text.
 */
export function settingStatements(settings: readonly Setting[] = []): readonly SqlText[] {
  if (settings.length === 0) return [];
  const calls = settings.map((_, i) => `set_config($${2 * i + 1}::text, $${2 * i + 2}::text, true)`);
  return [
    {
      name: `meridian_settings_${settings.length}`,
      text: `SELECT ${calls.join(', ')}`,
      values: settings.flatMap(({ name, value }) => [name, value]),
    },
  ];
}

/** A role that does not exist or may not be taken on, a name that belongs to an extension: no client can fix that. */
export function settingsRefused(cause: unknown, region: string): MeridianError {
  const state = sqlStateOf(cause);
  if (state === null || !/^(22|42)/.test(state)) return toMeridianError(cause, { region });
  return new MeridianError({
    code: 'CONFIG_INVALID',
    message: `The database of region ${region} refuses the settings that carry the viewer (SQLSTATE ${state}); correct viewerSettings, and let the role of databaseUrl take on the role that it names.`,
    details: { region, sqlState: state },
    cause,
  });
}
