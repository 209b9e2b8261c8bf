/** Owns which locales the C library of this machine has, and making the German one where that is possible. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export const GERMAN = 'de_DE.UTF-8';

const INSTALL_MS = 180_000;
const SOURCE = '/usr/share/i18n/locales/de_DE';
/** What names the locale `locale -a` gives, and what PostgreSQL is asked for. */
const FORMS = ['de_DE.utf8', 'de_DE.UTF-8'];

const hasGerman = (): boolean =>
  spawnSync('locale', ['-a'], { encoding: 'utf8' })
    .stdout?.split('\n')
    .some((name) => FORMS.includes(name)) ?? false;

/** Whether servers can be given the German locale; it is made first where this user may do that. */
export function germanLocale(): boolean {
  if (hasGerman()) return true;
  if (process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'locales'], { env, timeout: INSTALL_MS })
      .status === 0;
  if (!existsSync(SOURCE) && !install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0)
    install();
  spawnSync('localedef', ['-i', 'de_DE', '-f', 'UTF-8', GERMAN], { timeout: INSTALL_MS });
  return hasGerman();
}
