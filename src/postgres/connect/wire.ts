/** Owns the start of a connection: the socket, the SSLRequest, and the TLS handshake. */
import { type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import pg from 'pg';
import { type Host } from './host.ts';
import { Opening } from './opening.ts';
import { ConnectProblem } from './problem.ts';
import { type Tls } from './tls.ts';

export interface WireOptions {
  readonly host: Host;
  /** Null for plain text. */
  readonly tls: Tls | null;
  /** Continues in plain text if the server does not support TLS. */
  readonly plainIfNone: boolean;
  /** Milliseconds of idle time after which TCP keepalive probes are sent; null for never. */
  readonly keepAliveMs: number | null;
}

/** Members of the driver's connection that its types omit. */
interface Driver {
  stream: Socket;
  _connecting: boolean;
  _ending: boolean;
  attachListeners(stream: Socket): void;
  _send(message: Buffer): boolean;
}

const NO_TLS =
  'The server offers no TLS, which this URL demands: turn it on at the server (ssl = on), or add sslmode=prefer (or sslmode=disable) to the URL where plain text will do';

const UNREADABLE =
  "The server asks for something that is not understood here, GSSAPI or SSPI for one, or does not speak PostgreSQL's protocol: give the role a line with scram-sha-256 in pg_hba.conf, and see that the URL names a PostgreSQL server";

/**
 * Replaces the driver's connection, which supports neither `sslmode=prefer` nor verifying a host name that differs
 * from the address.
 */
export class Wire extends pg.Connection {
  readonly #options: WireOptions;
  /** Whether the server agreed to TLS, and whether the handshake resulted in an encrypted connection. */
  handshakes = false;
  encrypted = false;
  /** Messages that will be sent together. */
  #gathered: Buffer[] | null = null;

  constructor(options: WireOptions) {
    super({});
    this.#options = options;
  }

  get wantsTls(): boolean {
    return this.#options.tls !== null;
  }

  /**
   * Sends everything that `work` sends as one chunk: a write to the socket per message costs more than copying the
   * messages.
   */
  gather<T>(work: () => T): T {
    if (this.#gathered !== null) return work();
    const gathered: Buffer[] = [];
    this.#gathered = gathered;
    try {
      return work();
    } finally {
      this.#gathered = null;
      if (gathered.length > 0) this._send(Buffer.concat(gathered));
    }
  }

  /** Overrides the method by which the driver sends each message. */
  _send(message: Buffer): boolean {
    if (this.#gathered === null) return (pg.Connection.prototype as unknown as Driver)._send.call(this, message);
    this.#gathered.push(message);
    return true;
  }

  /**
   * Called by the driver's client. Emits `connect` when the socket is open and, with TLS, `sslconnect` when the
   * negotiation is over and the session may begin.
   */
  connect(): void {
    const { host, tls, keepAliveMs } = this.#options;
    const { stream } = this.#driver;
    this.#driver._connecting = true;
    stream.setNoDelay(true);
    if (host.socket) stream.connect(host.address);
    else stream.connect(host.port, host.address);
    stream.once('connect', () => {
      if (keepAliveMs !== null && !host.socket) stream.setKeepAlive(true, keepAliveMs);
      this.emit('connect');
      if (tls?.direct === true) this.#secure(tls);
    });
    stream.on('error', this.#report);
    stream.on('close', () => this.emit('end'));
    if (tls === null) this.#driver.attachListeners(stream);
    else if (!tls.direct) stream.once('data', (answer: Buffer) => this.#answered(answer, tls));
  }

  /**
   * Like the driver's own, except that a message its parser cannot read fails this connection instead of the process.
   */
  attachListeners(stream: Socket): void {
    (pg.Connection.prototype as unknown as Driver).attachListeners.call(this, stream);
    const read = stream.listeners('data').at(-1) as (piece: Buffer) => void;
    const opening = new Opening();
    const checked = (piece: Buffer): void => {
      try {
        const problem = opening.problem(piece);
        if (problem !== null) throw new RangeError(problem);
        read(piece);
      } catch (cause) {
        stream.off('data', checked);
        stream.destroy();
        this.emit('error', new ConnectProblem(UNREADABLE, { cause }));
      }
    };
    stream.off('data', read);
    stream.on('data', checked);
  }

  readonly #report = (error: Error & { code?: string }): void => {
    if (this.#driver._ending && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    this.emit('error', error);
  };

  /**
   * The answer must be exactly one byte: bytes that follow it were not encrypted, but would be read as part of the TLS
   * session.
   */
  #answered(answer: Buffer, tls: Tls): void {
    const word = answer.toString('latin1');
    if (word === 'S') return this.#secure(tls);
    if (word === 'N' && this.#options.plainIfNone) {
      this.#driver.attachListeners(this.#driver.stream);
      this.emit('sslconnect');
      return;
    }
    this.#driver.stream.destroy();
    this.emit(
      'error',
      word === 'N'
        ? new ConnectProblem(NO_TLS)
        : new Error('There was an error establishing an SSL connection: the server does not say whether it has TLS'),
    );
  }

  #secure(tls: Tls): void {
    this.handshakes = true;
    const secure = connectTls({
      socket: this.#driver.stream,
      secureContext: tls.context,
      rejectUnauthorized: tls.verifies,
      checkServerIdentity: (_name, certificate) => tls.identity(certificate),
      ...(tls.servername === undefined ? {} : { servername: tls.servername }),
      ...(tls.direct ? { ALPNProtocols: ['postgresql'] } : {}),
    });
    this.#driver.stream = secure;
    this.#driver.attachListeners(secure);
    secure.on('error', this.#report);
    // Nothing is sent before the server's certificate is verified.
    secure.once('secureConnect', () => this.#secured(secure, tls));
  }

  #secured(secure: TLSSocket, { direct }: Tls): void {
    if (direct && secure.alpnProtocol !== 'postgresql') {
      secure.destroy();
      this.emit(
        'error',
        new ConnectProblem(
          'The server does not take TLS at once: leave out sslnegotiation=direct, which PostgreSQL knows from version 17 on',
        ),
      );
      return;
    }
    this.encrypted = true;
    this.emit('sslconnect');
  }

  get #driver(): Driver {
    return this as unknown as Driver;
  }
}
