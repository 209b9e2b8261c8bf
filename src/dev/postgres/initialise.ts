/** Owns the creation of a primary's data directory, with password and locale. */
import { join } from 'node:path';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { STOP_COMMAND } from '../supervisor/protocol.ts';
import { explainOutput } from '../problems.ts';
import { PLAIN_ENV, type Account } from './account.ts';
import { type BinaryHome } from './binaries.ts';
import { USER } from './conf.ts';

export interface InitialiseOptions {
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  readonly binaries: BinaryHome;
  /** Exists, is empty and belongs to the account. */
  readonly dataDir: string;
  /** File that holds the superuser's password, readable by the account. */
  readonly passwordFile: string;
}

export async function initialise({
  supervisor,
  account,
  binaries,
  dataDir,
  passwordFile,
}: InitialiseOptions): Promise<void> {
  const exit = await supervisor.run({
    command: join(binaries, 'bin', 'initdb'),
    // The built-in locale sorts by code point, the same on every machine.
    args: [
      '-D',
      dataDir,
      '-U',
      USER,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ],
    env: PLAIN_ENV,
    cwd: '/',
    account,
    group: true,
    stop: STOP_COMMAND,
  });
  if (exit.code !== 0) throw explainOutput(exit.output, `Initialising PostgreSQL in ${dataDir}`);
}
