/**
 * Owns service files as described in section 32.17 of PostgreSQL's manual: sections of parameters, each named after a
 * service.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeridianError } from '../../base/errors.ts';
import { PARAMETERS } from '../../config/database-parameters.ts';
import { type DatabaseParameters } from '../../config/database-url.ts';
import { inHome } from './places.ts';

export interface ServiceFiles {
  /** Default `~/.pg_service.conf`. */
  readonly file: string | undefined;
  /** Directory of the system-wide `pg_service.conf`. */
  readonly systemFolder: string | undefined;
}

/** Throws `CONFIG_INVALID` if no file has the service, or its section is invalid. */
export function readService(service: string, { file, systemFolder }: ServiceFiles): DatabaseParameters {
  const files = [file || inHome('.pg_service.conf'), join(systemFolder || '/etc/postgresql-common', 'pg_service.conf')];
  for (const path of files) {
    const found = sectionOf(path, service);
    if (found !== null) return found;
  }
  throw invalid(
    `names a service that is in none of ${files.join(', ')}; correct the name, or name the file (servicefile, PGSERVICEFILE)`,
  );
}

function sectionOf(path: string, service: string): DatabaseParameters | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw invalid(
      `names a service, and ${path} cannot be read (${code ?? 'unknown error'}); let the user of this process read it`,
    );
  }
  let found: Map<string, string> | null = null;
  for (const [i, line] of text
    .split(/\r?\n/)
    .map((one) => one.trim())
    .entries()) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (found !== null) return found;
      if (line === `[${service}]`) found = new Map();
      continue;
    }
    if (found === null) continue;
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals));
    if (!Object.hasOwn(PARAMETERS, name) || name.startsWith('service'))
      throw invalid(
        `names a service whose line ${i + 1} in ${path} has no parameter that libpq knows; write name=value without spaces`,
      );
    // The first of several lines for one parameter applies.
    if (!found.has(name)) found.set(name, line.slice(equals + 1));
  }
  return found;
}

function invalid(what: string): MeridianError {
  return new MeridianError({ code: 'CONFIG_INVALID', message: `A database URL ${what}.` });
}
