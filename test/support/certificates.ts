/**
 * Owns certificates for tests of TLS, made by the openssl program: found, or installed first where that is possible.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POSTGRES_USER } from './binaries.ts';

const INSTALL_MS = 180_000;

export interface Certificates extends Disposable {
  readonly folder: string;
  /**
   * Path of one of the files: `ca.crt`, `other.crt` (an authority that has signed nothing here), `server.crt`,
   * `server.key`, `client.crt`, `client.key`, `locked.key`, `revoked.crl`.
   */
  file(name: string): string;
}

/**
 * Of a server called `localhost` and of a client called `role`; null where there is no openssl and this user may not
 * install it. `password`: of the client's key in `locked.key`.
 */
export function makeCertificates({
  role,
  password,
}: {
  readonly role: string;
  readonly password: string;
}): Certificates | null {
  if (!hasOpenssl()) return null;
  const folder = mkdtempSync(join(tmpdir(), 'meridian-certificates-'));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    const done = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`openssl ${args[0]} failed: ${done.stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other'])
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    );
  writeFileSync(file('server.ext'), 'subjectAltName=DNS:localhost\n');
  writeFileSync(file('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const [name, subject] of [
    ['server', 'localhost'],
    ['client', role],
  ]) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    );
  }
  openssl('pkcs8', '-topk8', '-in', 'client.key', '-out', 'locked.key', '-passout', `pass:${password}`);
  // A list that names the server's certificate.
  writeFileSync(file('index.txt'), '');
  writeFileSync(
    file('crl.cnf'),
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${file('index.txt')}\ndefault_md=sha256\ndefault_crl_days=2\n`,
  );
  const own = ['-config', 'crl.cnf', '-keyfile', 'ca.key', '-cert', 'ca.crt'];
  openssl('ca', ...own, '-revoke', 'server.crt');
  openssl('ca', ...own, '-gencrl', '-out', 'revoked.crl');
  chmodSync(folder, 0o755);
  if (POSTGRES_USER.uid !== undefined) chownSync(file('server.key'), POSTGRES_USER.uid, POSTGRES_USER.uid);
  return { folder, file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function hasOpenssl(): boolean {
  const found = (): boolean => spawnSync('openssl', ['version']).status === 0;
  if (found() || process.getuid?.() !== 0) return found();
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'openssl'], { env, timeout: INSTALL_MS })
      .status === 0;
  if (!install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0) install();
  return found();
}
