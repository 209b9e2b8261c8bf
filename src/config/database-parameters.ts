/**
 * Owns libpq's connection parameters: their names, the environment variables that set them, and the values that
 * Meridian accepts.
 */
import { isIP } from 'node:net';

export interface Parameter {
  /**
   * The environment variable that libpq reads if nothing else gives a value; null if there is none, or Meridian does
   * not read it.
   */
  readonly env: string | null;
  /** What is wrong with a value, as the rest of a sentence, and what to do; null if it is accepted. */
  readonly refuse: (value: string) => Refusal | null;
}

export interface Refusal {
  readonly what: string;
  readonly fix: string;
}

const any = (): null => null;

const oneOf =
  (...values: readonly string[]) =>
  (value: string): Refusal | null =>
    values.includes(value)
      ? null
      : { what: 'has a value that libpq does not know', fix: `give one of ${values.join(', ')}` };

const whole = (value: string): Refusal | null =>
  /^\s*-?\d{1,9}\s*$/.test(value) ? null : { what: 'is no whole number', fix: 'give a whole number' };

/** Accepts the first values, and refuses the other values of libpq with a reason. */
const only =
  (taken: readonly string[], others: readonly string[], refusal: Refusal) =>
  (value: string): Refusal | null =>
    taken.includes(value) ? null : others.includes(value) ? refusal : oneOf(...taken, ...others)(value);

const never =
  (what: string, fix: string) =>
  (value: string): Refusal | null =>
    value === '' ? null : { what, fix };

const LEAVE_OUT = 'leave it out';
const TLS_VERSIONS = ['', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
/** Authentication methods that libpq can be told to require. */
export const AUTH_METHODS: readonly string[] = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'];

function authMethods(value: string): Refusal | null {
  if (value === '') return null;
  const methods = value.split(',').map((method) => method.trim());
  const negated = methods.filter((method) => method.startsWith('!'));
  if (negated.length > 0 && negated.length < methods.length)
    return { what: 'mixes methods with refused ones', fix: 'put ! before all of them, or before none' };
  if (methods.every((method) => AUTH_METHODS.includes(method.replace(/^!/, '')))) return null;
  return {
    what: 'names a method that libpq does not know',
    fix: `give ${AUTH_METHODS.join(', ')}, separated by commas`,
  };
}

const parameter = (env: string | null, refuse: Parameter['refuse'] = any): Parameter => ({ env, refuse });

/** Every connection parameter of PostgreSQL 18's libpq, and two of node-postgres that stand in URLs made for it. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  service: parameter('PGSERVICE'),
  servicefile: parameter('PGSERVICEFILE'),
  host: parameter('PGHOST'),
  hostaddr: parameter('PGHOSTADDR', (value) =>
    value.split(',').every((one) => one.trim() === '' || isIP(one.trim()) !== 0)
      ? null
      : { what: 'is no network address', fix: 'give an address as in 192.0.2.1 or 2001:db8::1, and a name as host' },
  ),
  port: parameter('PGPORT'),
  dbname: parameter('PGDATABASE'),
  user: parameter('PGUSER'),
  password: parameter('PGPASSWORD'),
  passfile: parameter('PGPASSFILE'),
  options: parameter('PGOPTIONS'),
  // Meridian names its connections, so PGAPPNAME and the fallback name are not used.
  application_name: parameter(null),
  fallback_application_name: parameter(null),
  connect_timeout: parameter('PGCONNECT_TIMEOUT', whole),
  // Sessions use UTF8 whatever the environment says, and verify it.
  client_encoding: parameter(null, (value) =>
    /^(auto|utf-?8|unicode)?$/i.test(value)
      ? null
      : {
          what: 'is no UTF8',
          fix: 'leave it out: Meridian speaks UTF8, and the server converts from the encoding of the database',
        },
  ),
  target_session_attrs: parameter(
    'PGTARGETSESSIONATTRS',
    oneOf('any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'),
  ),
  load_balance_hosts: parameter(
    'PGLOADBALANCEHOSTS',
    only(['disable'], ['random'], {
      what: 'asks for hosts in random order',
      fix: 'leave it out: hosts are tried in their order',
    }),
  ),
  channel_binding: parameter('PGCHANNELBINDING', oneOf('disable', 'prefer', 'require')),
  require_auth: parameter('PGREQUIREAUTH', authMethods),
  keepalives: parameter(null, whole),
  keepalives_idle: parameter(null, whole),
  // Node.js cannot set these three: statements and connecting are bounded by statementMs and connectMs instead.
  keepalives_interval: parameter(null, whole),
  keepalives_count: parameter(null, whole),
  tcp_user_timeout: parameter(null, whole),
  sslmode: parameter(
    'PGSSLMODE',
    oneOf('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'),
  ),
  sslnegotiation: parameter('PGSSLNEGOTIATION', oneOf('postgres', 'direct')),
  // Compression is obsolete: OpenSSL has removed it, and libpq ignores the parameter.
  sslcompression: parameter('PGSSLCOMPRESSION', whole),
  sslcert: parameter('PGSSLCERT'),
  sslkey: parameter('PGSSLKEY', (value) =>
    /^(pkcs11|engine):/i.test(value)
      ? { what: 'names a key outside of files', fix: 'give the path of a PEM file' }
      : null,
  ),
  sslpassword: parameter(null),
  sslcertmode: parameter(
    'PGSSLCERTMODE',
    only(['disable', 'allow'], ['require'], {
      what: 'demands that the server asks for a certificate, which Node.js does not tell',
      fix: 'let pg_hba.conf ask for it (clientcert) and leave it out',
    }),
  ),
  sslrootcert: parameter('PGSSLROOTCERT'),
  sslcrl: parameter('PGSSLCRL'),
  sslcrldir: parameter('PGSSLCRLDIR'),
  sslsni: parameter('PGSSLSNI', oneOf('0', '1')),
  sslkeylogfile: parameter(null, never('asks for the keys of TLS to be written to a file', LEAVE_OUT)),
  ssl_min_protocol_version: parameter('PGSSLMINPROTOCOLVERSION', oneOf(...TLS_VERSIONS)),
  ssl_max_protocol_version: parameter('PGSSLMAXPROTOCOLVERSION', oneOf(...TLS_VERSIONS)),
  min_protocol_version: parameter(
    'PGMINPROTOCOLVERSION',
    only(['', '3.0'], ['3.2', 'latest'], {
      what: 'demands a protocol that the driver does not speak',
      fix: 'leave it out: it speaks 3.0',
    }),
  ),
  max_protocol_version: parameter('PGMAXPROTOCOLVERSION', oneOf('', '3.0', '3.2', 'latest')),
  requirepeer: parameter(
    'PGREQUIREPEER',
    never("asks who owns the server's process, which Node.js does not tell", LEAVE_OUT),
  ),
  gssencmode: parameter(
    'PGGSSENCMODE',
    only(['disable', 'prefer'], ['require'], {
      what: 'demands GSSAPI encryption, which the driver does not speak',
      fix: 'use TLS (sslmode)',
    }),
  ),
  // Without GSSAPI these parameters have no effect.
  krbsrvname: parameter('PGKRBSRVNAME'),
  gsslib: parameter('PGGSSLIB'),
  gssdelegation: parameter('PGGSSDELEGATION', oneOf('0', '1')),
  replication: parameter(null, (value) =>
    /^(false|off|no|0)?$/i.test(value)
      ? null
      : {
          what: 'asks for a replication connection',
          fix: 'leave it out: Meridian opens those that it needs by itself',
        },
  ),
  scram_client_key: parameter(
    null,
    never('is a key in place of a password, which the driver does not take', 'give the password'),
  ),
  scram_server_key: parameter(
    null,
    never('is a key in place of a password, which the driver does not take', 'give the password'),
  ),
  oauth_issuer: parameter(
    null,
    never('is about OAuth, which the driver does not speak', 'use a password or a client certificate'),
  ),
  oauth_client_id: parameter(
    null,
    never('is about OAuth, which the driver does not speak', 'use a password or a client certificate'),
  ),
  oauth_client_secret: parameter(
    null,
    never('is about OAuth, which the driver does not speak', 'use a password or a client certificate'),
  ),
  oauth_scope: parameter(
    null,
    never('is about OAuth, which the driver does not speak', 'use a password or a client certificate'),
  ),
  // URLs that were written for node-postgres use it to request the behaviour that Meridian has anyway.
  uselibpqcompat: parameter(null),
};

/**
 * The first error among the values; `named` says where they come from. Values are never quoted, because any of them may
 * contain a secret.
 */
export function refuseValue(name: string, value: string): Refusal | null {
  return PARAMETERS[name]?.refuse(value) ?? null;
}
