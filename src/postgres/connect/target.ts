/**
 * Owns the resolution of a database URL: the URL, its service file, the environment and the defaults, in libpq's
 * order, for each of its hosts.
 */
import { userInfo } from 'node:os';
import { MeridianError } from '../../base/errors.ts';
import { PARAMETERS, refuseValue } from '../../config/database-parameters.ts';
import { demandSense, parseDatabaseUrl, type DatabaseParameters } from '../../config/database-url.ts';
import { passwordFor } from './password-file.ts';
import { defaultHost, isSocketFolder, socketPath } from './places.ts';
import { type Host } from './host.ts';
import { readService } from './service-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Target {
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly database: string;
  readonly parameters: DatabaseParameters;
  /** The password for a host that asks for one. Throws `ConnectProblem` if there is none. */
  readonly password: (host: Host) => string;
}

/** Throws `CONFIG_INVALID`; no message quotes the URL, since it may contain a password. */
export function readTarget(databaseUrl: string, env: Environment = process.env): Target {
  const parameters = withDefaults(parseDatabaseUrl(databaseUrl), env);
  demandSense(parameters);
  const user = parameters.get('user') || osUser();
  return {
    hosts: hostsOf(parameters),
    user,
    database: parameters.get('dbname') || user,
    parameters,
    password: (host) =>
      parameters.get('password') ||
      passwordFor({ host, user, database: parameters.get('dbname') || user, file: parameters.get('passfile') }),
  };
}

/** A parameter that the URL lacks comes from the service that it names, else from the environment. */
function withDefaults(given: DatabaseParameters, env: Environment): DatabaseParameters {
  const all = new Map(given);
  const service = given.get('service') || env['PGSERVICE'];
  if (service) {
    const file = given.get('servicefile') || env['PGSERVICEFILE'];
    for (const [name, value] of readService(service, { file, systemFolder: env['PGSYSCONFDIR'] })) {
      if (all.has(name)) continue;
      const refusal = refuseValue(name, value);
      if (refusal !== null)
        throw invalid(
          `The service that a database URL names has a parameter ${name} that ${refusal.what}; ${refusal.fix}.`,
        );
      all.set(name, value);
    }
  }
  for (const [name, { env: variable, refuse }] of Object.entries(PARAMETERS)) {
    const value = variable === null ? undefined : env[variable];
    if (variable === null || value === undefined || value === '' || all.has(name)) continue;
    // Addresses apply only to the hosts that they were given with.
    if (name === 'hostaddr' && given.has('host')) continue;
    const refusal = refuse(value);
    if (refusal !== null) throw invalid(`The environment variable ${variable} ${refusal.what}; ${refusal.fix}.`);
    all.set(name, value);
  }
  return all;
}

const DEFAULT_PORT = 5432;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i;

function hostsOf(parameters: DatabaseParameters): Host[] {
  const list = (name: string): readonly string[] => (parameters.get(name) ?? '').split(',').map((one) => one.trim());
  const [names, addresses, ports] = [list('host'), list('hostaddr'), list('port')];
  const count = Math.max(names.length, addresses.length);
  return Array.from({ length: count }, (_, i) => {
    const port = Number((ports.length > 1 ? ports[i] : ports[0]) || DEFAULT_PORT);
    const address = addresses[i] || '';
    const name = names[i] || (address === '' ? defaultHost(port) : '');
    // If an address is given, the name is not resolved; it is used only for certificates and password files.
    const socket = address === '' && isSocketFolder(name);
    return {
      name,
      port,
      socket,
      address: socket ? socketPath(name, port) : address || name,
      local: socket || LOOPBACK.test(address || name),
    };
  });
}

function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw invalid('A database URL names no user, and the user of this process has no name; add the user to the URL.');
  }
}

function invalid(message: string): MeridianError {
  return new MeridianError({ code: 'CONFIG_INVALID', message });
}
