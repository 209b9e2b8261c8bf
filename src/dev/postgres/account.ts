/**
 * Owns the account that PostgreSQL runs under: the user's own or, for root, an unprivileged one, since PostgreSQL
 * refuses root.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { STOP_COMMAND } from '../supervisor/protocol.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** "nobody" on nearly every system; `MERIDIAN_POSTGRES_UID` and `MERIDIAN_POSTGRES_GID` name another. */
const NOBODY = 65_534;

/** Undefined: the processes run as the user who started them. */
export function chooseAccount(env: NodeJS.ProcessEnv = process.env): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const uid = idFrom(env, 'MERIDIAN_POSTGRES_UID', NOBODY);
  return { uid, gid: idFrom(env, 'MERIDIAN_POSTGRES_GID', uid) };
}

function idFrom(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const id = Number(text);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new MeridianError({
    code: 'CONFIG_INVALID',
    message: `${name} is "${text}", but must be the number of an account other than root.`,
  });
}

/** The environment of every program that is started: without the user's PGPORT, PGDATA and language settings. */
export const PLAIN_ENV: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/**
 * Whether the account can enter `path`; the system itself is asked, so that modes, owners and access lists all count.
 */
export async function canEnter(supervisor: Supervisor, account: Account | undefined, path: string): Promise<boolean> {
  const { code } = await supervisor.run({
    command: '/bin/sh',
    args: ['-c', 'cd "$1" && test -x .', 'sh', path],
    env: PLAIN_ENV,
    cwd: '/',
    account,
    group: true,
    stop: STOP_COMMAND,
  });
  return code === 0;
}
