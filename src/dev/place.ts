/**
 * Owns the location of the data: where the user wants it or, if the database's account cannot access that, in the
 * system's temporary folder.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { MeridianError } from '../base/errors.ts';
import { type Supervisor } from './supervisor/supervisor.ts';
import { canEnter, type Account } from './postgres/account.ts';
import { isOurs, ourPlace } from './postgres/binary-copy.ts';
import { makeTraversable } from './postgres/data-dir.ts';
import { explain, explained } from './problems.ts';

/** A marker in every data folder. A start with empty data empties the folder, so it must be known to be Meridian's. */
export const DATA_MARKER = 'meridian-data';

const FALLBACK = 'meridian-data-';

function claim(folder: string, wanted: string): string {
  const marker = join(folder, DATA_MARKER);
  if (existsSync(marker)) return folder;
  if (readdirSync(folder).length > 0)
    throw new MeridianError({
      code: 'CLUSTER_START_FAILED',
      message: `The folder ${folder} holds files that are no cluster's data; move them or choose another place with --data.`,
    });
  writeFileSync(
    marker,
    `${wanted}\nThis folder belongs to a Meridian development cluster; everything in it may be removed.\n`,
  );
  return folder;
}

/** Data in `base` whose checkout was removed can no longer be started by anyone. */
function removeOrphans(base: string): void {
  for (const name of readdirSync(base).filter((entry) => entry.startsWith(FALLBACK))) {
    const folder = join(base, name);
    const marker = join(folder, DATA_MARKER);
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (!stats || !isOurs(stats) || !existsSync(marker)) continue;
    const [wanted = ''] = readFileSync(marker, 'utf8').split('\n');
    if (isAbsolute(wanted) && !existsSync(wanted)) rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder for a cluster's data, created if necessary; the same one at every start. */
export async function placeData(supervisor: Supervisor, account: Account | undefined, wanted: string): Promise<string> {
  await explained(`The data folder ${wanted}`, () => makeTraversable(wanted));
  const real = realpathSync(wanted);
  if (await canEnter(supervisor, account, real)) return explained(`The data folder ${real}`, () => claim(real, real));
  const name = `${FALLBACK}${basename(real)}-${createHash('sha256').update(real).digest('hex').slice(0, 12)}`;
  for (const base of new Set(['/var/tmp', tmpdir()])) {
    removeOrphans(base);
    const place = ourPlace(base, name);
    if (place === undefined) continue;
    try {
      mkdirSync(place, { mode: 0o711 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, `The data folder ${place}`);
    }
    // The folder that `ourPlace` has found may have been replaced since; in a folder with the sticky bit this cannot
    // happen to the one that is checked now.
    const stats = lstatSync(place);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) continue;
    chmodSync(place, 0o711);
    if (await canEnter(supervisor, account, place))
      return explained(`The data folder ${place}`, () => claim(place, real));
  }
  throw new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `PostgreSQL runs under the unprivileged account ${account?.uid}, which can enter neither ${wanted} nor a folder of the system's for temporary data; choose a place that it can enter with --data.`,
  });
}
