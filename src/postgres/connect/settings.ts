/**
 * Owns how settings are made in a transaction: as parameters, for its duration only; and the error if the database
 * refuses them.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Setting } from '../../read/ports.ts';
import { toMeridianError } from './errors.ts';
import { sqlStateOf } from '../read/error.ts';
import { type SqlText } from './pool-connection.ts';

/**
 * Sent right after BEGIN: one statement for all settings, none if there are none. Its name and text depend only on the
 * number of settings.
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

/**
 * The causes are a role that does not exist or may not be assumed, or a parameter name that an extension reserves.
 * Clients cannot fix these.
 */
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
