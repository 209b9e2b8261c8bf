/** Owns where a client of PostgreSQL finds what it is not told: its files, and the socket of this machine's server. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/**
 * Debian's and Red Hat's folder comes before PostgreSQL's own. Where neither has a socket, the server is asked for at
 * localhost, which libpq does not do.
 */
export function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(socketPath(folder, port))) ?? 'localhost';
}

export function isSocketFolder(name: string): boolean {
  return name.startsWith('/') || name.startsWith('@');
}

/** The name of an abstract socket begins with a zero byte, for which @ is written. */
export function socketPath(folder: string, port: number): string {
  return `${folder.replace(/^@/, '\0')}/.s.PGSQL.${port}`;
}

/** Whether password files call the server localhost, though it is reached by a socket. */
export function isDefaultFolder(name: string): boolean {
  return SOCKET_FOLDERS.includes(name);
}

export function inHome(...path: readonly string[]): string {
  return join(homedir(), ...path);
}
