/**
 * Owns password files as described in section 32.16 of PostgreSQL's manual: the first line of the form
 * `host:port:database:user:password` that matches.
 */
import { readFileSync, statSync } from 'node:fs';
import { type Host } from './host.ts';
import { inHome, isDefaultFolder } from './places.ts';
import { ConnectProblem } from './problem.ts';

export interface PasswordQuestion {
  readonly host: Host;
  readonly user: string;
  readonly database: string;
  /** Default `~/.pgpass`. */
  readonly file: string | undefined;
}

/**
 * Read for each connection, so that a new password needs no restart. Throws `ConnectProblem` if there is no password.
 */
export function passwordFor({ host, user, database, file }: PasswordQuestion): string {
  const path = file || inHome('.pgpass');
  const named = host.name === '' ? host.address : host.socket && isDefaultFolder(host.name) ? 'localhost' : host.name;
  const wanted = [named, String(host.port), database, user];
  for (const line of linesOf(path)) {
    const fields = [...line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/gs)].map(([, field = '']) => field);
    // The last match is empty, at the end of the line; a line of four fields has no password.
    const [password] = fields.slice(4, -1);
    if (password !== undefined && wanted.every((value, i) => fields[i] === '*' || unescape(fields[i] ?? '') === value))
      return unescape(password);
  }
  throw new ConnectProblem(
    `The server asks for a password, and neither the database URL, PGPASSWORD nor the password file ${path} gives one that is not empty`,
  );
}

const unescape = (field: string): string => field.replaceAll(/\\(.)/gs, '$1');

/** A file that other users may access is refused, as in libpq: somebody else may have written it. */
function linesOf(path: string): readonly string[] {
  let text: string;
  try {
    const { mode } = statSync(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new ConnectProblem(
        `The server asks for a password, and others may read or write the password file ${path}: take their rights away (chmod 0600)`,
      );
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ConnectProblem) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new ConnectProblem(
      `The server asks for a password, and the password file ${path} cannot be read (${code ?? 'unknown error'})`,
      { cause: error },
    );
  }
  return text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
}
