/**
 * Owns the mapping from a viewer to the database settings under which the viewer's statements run (row-level security).
 */
import { MeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { isSettingName, parseViewerSettings, type Carried, type ViewerSetting } from '../config/viewer-settings.ts';
import { type Setting } from './ports.ts';

const SEPARATOR = ',';

/**
 * Makes the settings of viewers as the option `viewerSettings` describes. Throws `CONFIG_INVALID` for an invalid text.
 */
export function settingsMaker(option: string): (viewer: Viewer | null) => readonly Setting[] {
  const parsed = parseViewerSettings(option);
  if ('problem' in parsed)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The option viewerSettings ${parsed.problem}; correct it, or leave it out.`,
    });
  const { settings } = parsed;
  const made = new WeakMap<Viewer, readonly Setting[]>();
  const make = (viewer: Viewer | null): readonly Setting[] =>
    settings.map((setting) => ({ name: setting.name, value: valueOf(setting, viewer) }));
  return (viewer) => {
    if (settings.length === 0) return NONE;
    const known = viewer === null ? undefined : made.get(viewer);
    if (known !== undefined) return known;
    if (viewer === null || !cannotChange(viewer)) return make(viewer);
    const kept = last(make(viewer));
    made.set(viewer, kept);
    return kept;
  };
}

const lasting = new WeakSet<readonly Setting[]>();

/** Freezes the settings. */
function last(settings: readonly Setting[]): readonly Setting[] {
  const frozen = Object.freeze(settings.map((setting) => Object.freeze({ ...setting })));
  lasting.add(frozen);
  return frozen;
}

const NONE = last([]);

/** Whether the settings are frozen, so that values derived from them can be kept as long as the object lives. */
export function areLasting(settings: readonly Setting[]): boolean {
  return lasting.has(settings);
}

/**
 * Whether the viewer is immutable. Viewers of verified tokens are, and requests share them. An application may change
 * its own viewer object between requests.
 */
function cannotChange(viewer: Viewer): boolean {
  const parts = ['id', 'tenant', 'roles'].map((name) => Object.getOwnPropertyDescriptor(viewer, name));
  return (
    parts.every((part) => part?.configurable === false && part.writable === false) &&
    Array.isArray(viewer.roles) &&
    Object.isFrozen(viewer.roles)
  );
}

/**
 * Without a viewer, or where the viewer lacks the value, the text is empty: otherwise policies would see the value that
 * the connection had before.
 */
function valueOf(setting: ViewerSetting, viewer: Viewer | null): string {
  if ('literal' in setting) return setting.literal;
  const text = viewer === null ? '' : carriedText(setting.carries, viewer);
  if (text.includes('\u0000') || !text.isWellFormed())
    throw uncarried(setting.carries, 'a character that no setting of the database can hold');
  return text;
}

function carriedText(carries: Carried, viewer: Viewer): string {
  if (carries !== 'roles') return viewer[carries] ?? '';
  // Roles are separated by commas, so a role with a comma would count as two.
  if (viewer.roles.some((role) => role.includes(SEPARATOR))) throw uncarried(carries, 'a comma, which separates roles');
  return viewer.roles.join(SEPARATOR);
}

function uncarried(carries: Carried, why: string): MeridianError {
  return new MeridianError({
    code: 'FORBIDDEN',
    message: `The viewer's ${carries} cannot be told to the database: there is ${why}; have the token's issuer leave it out.`,
  });
}

/**
 * Validates settings that application code passes. Throws `BAD_USER_INPUT` for names that do not belong to the
 * application.
 */
export function checkedSettings(settings: readonly Setting[]): readonly Setting[] {
  const wrong = settings.find(({ name }) => !isSettingName(name));
  if (wrong)
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `There is no setting ${JSON.stringify(wrong.name)} to give: name one of the application's own, as in app.tenant_id, or role.`,
    });
  return settings;
}
