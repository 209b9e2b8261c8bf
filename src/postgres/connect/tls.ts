/**
 * Owns the meaning of `sslmode` and the related parameters: in which order TLS and plain text are tried with a host,
 * and how the server's certificate is verified.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type DatabaseParameters } from '../../config/database-url.ts';
import { type Host } from './host.ts';
import { inHome } from './places.ts';
import { ConnectProblem } from './problem.ts';

/** How a connection is verified to reach the server that the URL names. */
export type Protection = 'local' | 'host' | 'chain' | 'none' | 'maybe plain text' | 'plain text';

export interface Tls {
  readonly context: SecureContext;
  /** Whether a certificate chain without a trusted authority ends the connection. */
  readonly verifies: boolean;
  /** Throws or returns what is wrong with the server's certificate. */
  readonly identity: (certificate: PeerCertificate) => Error | undefined;
  /** Server name for SNI; undefined for none. */
  readonly servername: string | undefined;
  /** Starts TLS directly, without an SSLRequest. */
  readonly direct: boolean;
}

/** One way to open a connection; the next one is tried if the server refuses it. */
export interface Way {
  /** Null for plain text. The function reads the certificate files when it is called. */
  readonly tls: (() => Tls) | null;
  /** Continues in plain text if the server does not support TLS. */
  readonly plainIfNone: boolean;
}

/** One certificate revocation list in PEM. */
const CRL = /-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g;

type Mode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' | 'no-verify';

/** The mode of the parameters. Without one, plain text is accepted only from servers on this machine. */
export function modeOf(parameters: DatabaseParameters, host: Host): Mode {
  if (host.socket) return 'disable';
  const given = parameters.get('sslmode');
  if (given !== undefined) return given as Mode;
  if (parameters.get('sslrootcert') === 'system') return 'verify-full';
  if (parameters.get('sslnegotiation') === 'direct') return 'require';
  return host.local ? 'prefer' : 'require';
}

export function waysTo(parameters: DatabaseParameters, host: Host): readonly Way[] {
  const mode = modeOf(parameters, host);
  const plain: Way = { tls: null, plainIfNone: false };
  const tls: Way = { tls: () => tlsFor(parameters, host, mode), plainIfNone: mode === 'prefer' };
  if (mode === 'disable') return [plain];
  if (mode === 'allow') return [plain, tls];
  return mode === 'prefer' ? [tls, plain] : [tls];
}

export function protectionOf(parameters: DatabaseParameters, host: Host): Protection {
  if (host.local) return 'local';
  const mode = modeOf(parameters, host);
  if (mode === 'disable') return 'plain text';
  if (mode === 'allow' || mode === 'prefer') return 'maybe plain text';
  if (mode === 'verify-full') return 'host';
  return mode !== 'no-verify' && (mode === 'verify-ca' || rootFile(parameters) !== null) ? 'chain' : 'none';
}

function tlsFor(parameters: DatabaseParameters, host: Host, mode: Mode): Tls {
  const root = mode === 'no-verify' ? null : rootFile(parameters);
  const byStore = mode === 'verify-full' && root === null;
  if (mode === 'verify-ca' && root === null) {
    throw new ConnectProblem(
      `sslmode=verify-ca needs the certificate of the authority that signs the server's: name its file (sslrootcert=…), or use sslmode=verify-full`,
    );
  }
  if (mode === 'verify-full' && host.name === '')
    throw new ConnectProblem(
      'sslmode=verify-full needs the name of the host beside its address: add host=… to hostaddr',
    );
  return {
    context: contextOf(
      {
        ...(root === null ? {} : { ca: read(root, 'sslrootcert') }),
        ...crl(parameters),
        ...ownCertificate(parameters),
        minVersion: version(parameters.get('ssl_min_protocol_version')) ?? 'TLSv1.2',
        ...versionLimit(parameters),
      },
      byStore,
    ),
    // A file of authorities makes every mode verify the chain, as in libpq.
    verifies: byStore || root !== null,
    identity: mode === 'verify-full' ? (certificate) => checkServerIdentity(host.name, certificate) : () => undefined,
    servername: parameters.get('sslsni') === '0' || isIP(host.name) !== 0 || host.name === '' ? undefined : host.name,
    direct: parameters.get('sslnegotiation') === 'direct',
  };
}

/** Null if there is none, or if the system's store is used. */
function rootFile(parameters: DatabaseParameters): string | null {
  const named = parameters.get('sslrootcert');
  if (named === 'system') return null;
  return fileOr(named, inHome('.postgresql', 'root.crt'));
}

/** The named file, whether or not it exists; otherwise the default file, if it exists. */
function fileOr(named: string | undefined, fallback: string): string | null {
  if (named) return named;
  return existsSync(fallback) ? fallback : null;
}

function crl(parameters: DatabaseParameters): Pick<SecureContextOptions, 'crl'> {
  const folder = parameters.get('sslcrldir');
  const file = fileOr(parameters.get('sslcrl'), inHome('.postgresql', 'root.crl'));
  const texts = [...(folder ? readFolder(folder) : []), ...(file === null ? [] : [read(file, 'sslcrl')])];
  // Node.js reads only the first list of a PEM text.
  const lists = texts.flatMap((text) => text.match(CRL) ?? []);
  const named = folder ? `folder ${folder} (sslcrldir)` : `file ${file} (sslcrl)`;
  if (lists.length === 0 && (folder || file !== null))
    throw new ConnectProblem(
      `The ${named} holds no list of revoked certificates in PEM: put one there, or leave the parameter out`,
    );
  return lists.length === 0 ? {} : { crl: lists };
}

function ownCertificate(parameters: DatabaseParameters): SecureContextOptions {
  if (parameters.get('sslcertmode') === 'disable') return {};
  const certificate = fileOr(parameters.get('sslcert'), inHome('.postgresql', 'postgresql.crt'));
  if (certificate === null) return {};
  const passphrase = parameters.get('sslpassword');
  return {
    cert: read(certificate, 'sslcert'),
    key: read(parameters.get('sslkey') || inHome('.postgresql', 'postgresql.key'), 'sslkey'),
    ...(passphrase ? { passphrase } : {}),
  };
}

function version(name: string | undefined): SecureVersion | undefined {
  return name ? (name as SecureVersion) : undefined;
}

function versionLimit(parameters: DatabaseParameters): Pick<SecureContextOptions, 'maxVersion'> {
  const maxVersion = version(parameters.get('ssl_max_protocol_version'));
  return maxVersion === undefined ? {} : { maxVersion };
}

function read(path: string, parameter: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConnectProblem(
      `The file ${path} (${parameter}) cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      { cause: error },
    );
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path).map((name) => read(join(path, name), 'sslcrldir'));
  } catch (error) {
    if (error instanceof ConnectProblem) throw error;
    throw new ConnectProblem(
      `The folder ${path} (sslcrldir) cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      { cause: error },
    );
  }
}

/**
 * A context with hundreds of authorities takes tens of milliseconds to create. The key is the content of the files,
 * which are read for each connection and may have changed.
 */
const contexts = new LRUCache<string, SecureContext>({ max: 32 });
let store: string[] | null = null;

function contextOf(options: SecureContextOptions, byStore: boolean): SecureContext {
  const key = createHash('sha256')
    .update(JSON.stringify([options, byStore]))
    .digest('hex');
  const known = contexts.get(key);
  if (known !== undefined) return known;
  try {
    // Node.js's bundled authorities, those of NODE_EXTRA_CA_CERTS, and those of the operating system.
    if (byStore) store ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
    const made = createSecureContext(store !== null && byStore ? { ...options, ca: store } : options);
    contexts.set(key, made);
    return made;
  } catch (error) {
    throw new ConnectProblem(
      `The certificates or the key of the TLS connection cannot be used (${error instanceof Error ? error.message : String(error)}): sslrootcert, sslcert, sslkey, sslpassword and sslcrl name PEM files`,
      { cause: error },
    );
  }
}
