/** Owns the default locations of a PostgreSQL client: its files, and the socket of the local server. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/**
 * Debian's and Red Hat's directory precedes PostgreSQL's own default. If neither has a socket, the host is localhost,
 * which differs from libpq.
 */
export function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(socketPath(folder, port))) ?? 'localhost';
}

export function isSocketFolder(name: string): boolean {
  return name.startsWith('/') || name.startsWith('@');
}

/** The name of an abstract socket begins with a zero byte, which is written as @. */
export function socketPath(folder: string, port: number): string {
  return `${folder.replace(/^@/, '\0')}/.s.PGSQL.${port}`;
}

/** Whether password files refer to a server with this socket directory as localhost. */
export function isDefaultFolder(name: string): boolean {
  return SOCKET_FOLDERS.includes(name);
}

export function inHome(...path: readonly string[]): string {
  return join(homedir(), ...path);
}
