/** Owns which authentication methods a connection accepts: `require_auth` and `channel_binding`. */
import { type DatabaseParameters } from '../../config/database-url.ts';
import { ConnectProblem } from './problem.ts';
import { type Wire } from './wire.ts';

const SCRAM = 'scram-sha-256';
const BOUND = 'SCRAM-SHA-256-PLUS';

/**
 * Must be called before the driver adds its listeners, so that a connection whose authentication method is not
 * accepted is closed before any credentials are sent. `bind`: whether to use channel binding over the TLS connection.
 */
export function demandAuthentication(wire: Wire, parameters: DatabaseParameters, bind: (binds: boolean) => void): void {
  const wanted = (parameters.get('require_auth') ?? '')
    .split(',')
    .map((method) => method.trim())
    .filter((method) => method !== '');
  const binding = parameters.get('channel_binding') ?? 'prefer';
  let asked = false;
  let usesScram = false;
  let admitted = false;
  let bound = false;
  let proved = false;
  const refuse = (what: string): void => {
    wire.stream.destroy();
    wire.emit('error', new ConnectProblem(what));
  };
  const allows = (method: string): boolean =>
    wanted.length === 0 ||
    (wanted[0]?.startsWith('!') === true ? !wanted.includes(`!${method}`) : wanted.includes(method));
  const request = (method: string): void => {
    asked = true;
    const isBound = method === SCRAM && bound;
    if (admitted) refuse('The server asks for authentication after it has let the connection in');
    else if (!allows(method))
      refuse(`The server asks for the method of authentication ${method}, which require_auth refuses`);
    else if (binding === 'require' && !isBound)
      refuse(
        'The server cannot bind the password to the TLS connection, which channel_binding=require demands: that takes TLS and scram-sha-256',
      );
  };
  wire.on('authenticationCleartextPassword', () => request('password'));
  wire.on('authenticationMD5Password', () => request('md5'));
  wire.on('authenticationSASL', ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
    const binds = wire.encrypted && binding !== 'disable';
    bound = binds && mechanisms.includes(BOUND);
    bind(binds);
    usesScram = true;
    request(SCRAM);
  });
  wire.on('authenticationSASLFinal', () => (proved = true));
  wire.on('authenticationOk', () => {
    if (!asked && !allows('none')) refuse('The server asks for no authentication, which require_auth refuses');
    else if (binding === 'require' && !(bound && proved))
      refuse(
        'The server lets the connection in without the proof that channel_binding=require demands: that takes TLS and scram-sha-256',
      );
    else if (usesScram && !proved)
      refuse('The server lets the connection in before it has proved that it knows the password');
    else admitted = true;
  });
  // The driver takes ReadyForQuery as the end of authentication, whatever preceded it.
  wire.on('readyForQuery', () => {
    if (!admitted) refuse('The server begins the session before it has let the connection in');
  });
}
