/**
 * Owns the grammar of connection strings: libpq's URIs and `name=value` strings, as in sections 32.1.1.1 and 32.1.1.2
 * of PostgreSQL's manual.
 */
import { MeridianError } from '../base/errors.ts';
import { PARAMETERS, refuseValue } from './database-parameters.ts';
import { nearestName } from './problems.ts';

/** Parameters by libpq's names; those that are not given are absent. */
export type DatabaseParameters = ReadonlyMap<string, string>;

/**
 * What is wrong with a connection string. Neither part quotes it, since any part of the string may belong to a
 * password.
 */
export class DatabaseUrlError extends MeridianError {
  readonly what: string;
  readonly fix: string;

  constructor(what: string, fix: string) {
    super({ code: 'CONFIG_INVALID', message: `A database URL ${what}; ${fix}.` });
    this.what = what;
    this.fix = fix;
  }
}

const FORM =
  'write it as in postgres://user:password@host:5432/database, with special characters of the password percent-encoded, or as in host=… dbname=… user=… password=…';
const SCHEMES = ['postgresql://', 'postgres://'];

/**
 * Throws `DatabaseUrlError`. Parameters that the string does not give may come from a service file, the environment or
 * a default.
 */
export function parseDatabaseUrl(given: string): DatabaseParameters {
  // Files with secrets often end in a line feed.
  const text = given.trim();
  const scheme = SCHEMES.find((prefix) => text.startsWith(prefix));
  // The name of another scheme is not followed by a space or an equals sign, as a parameter's name is.
  if (scheme === undefined && (/^[a-z][a-z0-9+.-]*:/i.test(text) || !text.includes('=')))
    throw new DatabaseUrlError('is no postgres URL', FORM);
  const parameters = scheme === undefined ? parsePairs(text) : parseUri(text, scheme.length);
  for (const [name, value] of parameters) {
    const refusal = refuseValue(name, value);
    if (refusal !== null) throw new DatabaseUrlError(`has a parameter ${name} that ${refusal.what}`, refusal.fix);
  }
  demandSense(parameters);
  return parameters;
}

/** Rules for several parameters together. Throws `DatabaseUrlError`. */
export function demandSense(parameters: DatabaseParameters): void {
  demandHosts(parameters);
  const mode = parameters.get('sslmode');
  if (parameters.get('sslrootcert') === 'system' && mode && mode !== 'verify-full') {
    throw new DatabaseUrlError(
      'has sslrootcert=system with another sslmode than verify-full',
      'use sslmode=verify-full: anybody can have a certificate of a public authority, for a host of their own',
    );
  }
  if (parameters.get('sslnegotiation') === 'direct' && ['disable', 'allow', 'prefer'].includes(mode ?? '')) {
    throw new DatabaseUrlError(
      'has sslnegotiation=direct with an sslmode that may do without TLS',
      'use sslmode=require, verify-ca or verify-full',
    );
  }
  const [least = '', most = ''] = [
    parameters.get('ssl_min_protocol_version'),
    parameters.get('ssl_max_protocol_version'),
  ];
  if (least !== '' && most !== '' && least > most)
    throw new DatabaseUrlError(
      'has an ssl_min_protocol_version above its ssl_max_protocol_version',
      'correct one of them',
    );
}

function demandHosts(parameters: DatabaseParameters): void {
  const listOf = (name: string): readonly string[] => (parameters.get(name) ?? '').split(',').map((one) => one.trim());
  const [hosts, addresses, ports] = [listOf('host'), listOf('hostaddr'), listOf('port')];
  const both = Boolean(parameters.get('host')) && Boolean(parameters.get('hostaddr'));
  if (both && hosts.length !== addresses.length)
    throw new DatabaseUrlError(
      'has another number of hosts than of host addresses (hostaddr)',
      'give one address for each host',
    );
  const count = Math.max(hosts.length, addresses.length);
  if (ports.length > 1 && ports.length !== count)
    throw new DatabaseUrlError(
      'has another number of ports than of hosts',
      'give one port for all hosts, or one for each',
    );
  if (ports.some((port) => port !== '' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))) {
    throw new DatabaseUrlError(
      'has a port that is no number from 1 to 65535',
      'correct it; a colon or slash of the user or password must be percent-encoded (%3A, %2F)',
    );
  }
  const wanted = parameters.get('target_session_attrs');
  if (count > 1 && wanted !== 'primary' && wanted !== 'read-write') {
    throw new DatabaseUrlError(
      'names several hosts, and does not ask for the primary among them',
      'add target_session_attrs=primary, or name one host: two replicas behind one URL would be taken for one server',
    );
  }
}

function parseUri(text: string, begin: number): DatabaseParameters {
  const found = new Map<string, string>();
  // The first @ ends user and password, unless a slash comes before it.
  const [lead = ''] = /^[^@/]*/.exec(text.slice(begin)) ?? [];
  const hasUser = text[begin + lead.length] === '@';
  if (hasUser) {
    const colon = lead.indexOf(':');
    const [user, password] = colon < 0 ? [lead, ''] : [lead.slice(0, colon), lead.slice(colon + 1)];
    // Empty parameters count as absent.
    if (user !== '') found.set('user', decode(user));
    if (password !== '') found.set('password', decode(password));
  }
  const rest = text.slice(begin + (hasUser ? lead.length + 1 : 0));
  const {
    hosts = '',
    path = '',
    query,
  } = /^(?<hosts>[^/?]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/s.exec(rest)?.groups ?? {};
  // Otherwise the rest of a password would be looked up as a host, or shown as the name of a database.
  if (hosts.includes('@') || path.includes('@'))
    throw new DatabaseUrlError(
      'has an @ in its host or database',
      'percent-encode special characters of the password: %40 for @, %2F for a slash',
    );
  for (const [name, list] of Object.entries(hostsOf(hosts)))
    if (list.some((one) => one !== '') || list.length > 1) found.set(name, decode(list.join(',')));
  if (path !== '') found.set('dbname', decode(path));
  if (query !== undefined) for (const [name, value] of queryOf(query)) found.set(name, value);
  return found;
}

/** `a:1,[::1]:2,c` → hosts a, ::1 and c, ports 1, 2 and none. */
function hostsOf(text: string): { readonly host: string[]; readonly port: string[] } {
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const one of text.split(',')) {
    const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(one);
    if (match === null)
      throw new DatabaseUrlError(
        'has a host that cannot be read',
        'write addresses of IPv6 in brackets, as in [::1]:5432, and percent-encode special characters of the password',
      );
    hosts.push(match[1] ?? match[2] ?? '');
    ports.push(match[3] ?? '');
  }
  return { host: hosts, port: ports };
}

function* queryOf(query: string): Generator<[string, string]> {
  // The text after a ? may be the rest of a password, if an @ follows it.
  const speaks = !query.includes('@');
  for (const part of query === '' ? [] : query.split('&')) {
    const [name = '', value, ...more] = part.split('=');
    if (value === undefined || more.length > 0)
      throw new DatabaseUrlError(
        'has a parameter that is not written as name=value',
        'separate parameters by &, and percent-encode =, & and # within a value (%3D, %26, %23)',
      );
    yield known(decode(name), decode(value), speaks);
  }
}

/**
 * `host=localhost dbname='my db'`: the value ends at white space unless it is quoted; a backslash takes the next
 * character as it is.
 */
function parsePairs(text: string): DatabaseParameters {
  const found = new Map<string, string>();
  const pair = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)(?:[^\s\\]|\\.)*)?)/sy;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null)
      throw new DatabaseUrlError(
        'cannot be read as name=value pairs',
        'put values with spaces into single quotes, and a backslash before quotes and backslashes within them',
      );
    const [name, value] = known(match[1] ?? '', (match[2] ?? match[3] ?? '').replaceAll(/\\(.)/gs, '$1'), false);
    found.set(name, value);
  }
  return found;
}

/** The parameter by libpq's name. `speaks`: whether the name certainly is not part of a password. */
function known(name: string, value: string, speaks: boolean): [string, string] {
  // Names that JDBC and node-postgres use.
  if (name === 'ssl') {
    const mode = { true: 'require', 1: 'require', 'no-verify': 'no-verify', false: 'disable', 0: 'disable' }[value];
    if (mode !== undefined) return ['sslmode', mode];
  }
  if (Object.hasOwn(PARAMETERS, name)) return [name, value];
  const meant = nearestName(name, Object.keys(PARAMETERS));
  const called = speaks && /^[a-z_]{1,40}$/i.test(name) ? ` ${name}` : '';
  throw new DatabaseUrlError(
    `has a parameter${called} that libpq does not know`,
    meant === null
      ? 'correct or remove it; settings of the session go into options, as in options=-c%20work_mem%3D64MB'
      : `did you mean ${meant}`,
  );
}

function decode(text: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text) || /%00/.test(text))
    throw new DatabaseUrlError(
      'has a percent sign that is followed by no two hexadecimal digits, or by 00',
      'write %25 for a percent sign',
    );
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new DatabaseUrlError(
      'has percent-encoded characters that are no UTF-8',
      'encode each byte of the character in UTF-8, as in %C3%A9 for é',
    );
  }
}
