/** Owns the check of how connections to other machines are protected, as far as the URL determines it. */
import { DatabaseAddress } from '../connect/address.ts';
import { protectionOf, type Protection } from '../connect/tls.ts';

type Say = (severity: 'ok' | 'warn' | 'error', what: string, fix?: string) => void;

const VERIFY = 'Add sslmode=verify-full to the URL, and sslrootcert=… where the authority is not a public one.';
const WEAK: Readonly<Partial<Record<Protection, readonly [string, string]>>> = {
  'plain text': [
    'Connections are in plain text (sslmode=disable): whoever is on the way reads and changes what goes over them.',
    VERIFY,
  ],
  'maybe plain text': [
    'Connections are in plain text wherever the server, or somebody on the way, offers no TLS (sslmode=prefer or allow).',
    VERIFY,
  ],
  none: [
    "The server's certificate is not checked: connections are encrypted, and somebody on the way may pass for the server.",
    VERIFY,
  ],
  chain: [
    "The server's certificate is checked, and its name is not: any server with a certificate of the same authority passes for this one.",
    'Use sslmode=verify-full where the certificate has the name of the host.',
  ],
};

/** Reports the least protected of several hosts. Throws `CONFIG_INVALID` if the URL cannot be parsed. */
export function checkProtection(databaseUrl: string, say: Say): void {
  const { hosts, parameters } = new DatabaseAddress(databaseUrl).read();
  const found = hosts.map((host) => protectionOf(parameters, host));
  const weakest = (Object.keys(WEAK) as Protection[]).find((kind) => found.includes(kind));
  const words = weakest === undefined ? undefined : WEAK[weakest];
  if (words !== undefined) say('warn', ...words);
  else if (found.includes('host'))
    say('ok', "Connections are encrypted, and the server's certificate and name are checked.");
}
