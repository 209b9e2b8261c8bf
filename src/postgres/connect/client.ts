/**
 * Owns opening a connection as its URL requires: tries each host, with and without TLS, until a server satisfies the
 * URL.
 */
import pg from 'pg';
import { sqlStateOf } from '../read/error.ts';
import { type DatabaseAddress } from './address.ts';
import { demandAuthentication } from './authentication.ts';
import { type Host } from './host.ts';
import { ConnectProblem, OtherServer } from './problem.ts';
import { type Target } from './target.ts';
import { waysTo, type Way } from './tls.ts';
import { Wire } from './wire.ts';

export interface DatabaseClientConfig extends Omit<pg.ClientConfig, 'connectionString'> {
  readonly address: DatabaseAddress;
  /** Time limit of one attempt at one host, milliseconds; `connect_timeout` may lower it. */
  readonly connectMs: number;
  /** Start-up options; they follow those of the URL and therefore override them. */
  readonly options: string;
  /** Used unless the URL sets another. */
  readonly application_name: string;
  readonly replication?: 'database';
}

/** Members of the driver's client that its types omit. */
interface Driver {
  readonly connectionParameters: Record<string, unknown>;
  connection: Wire;
  user: string;
  database: string;
  host: string;
  port: number;
  ssl: boolean;
  sslNegotiation: string;
  password: () => string;
  saslSession: object | null;
  enableChannelBinding: boolean;
  _connecting: boolean;
  _connected: boolean;
  _connectionError: boolean;
  _connectionTimeoutMillis: number;
  _ended: boolean;
  readonly _ending: boolean;
  _queryable: boolean;
  readyForQuery: boolean;
}

const KEEP_ALIVE_MS = 10_000;
/**
 * `invalid_authorization_specification`: no line of pg_hba.conf admits this role, database and kind of encryption, or
 * the role may not log in.
 */
const NOT_ADMITTED = '28000';
/** `cannot_connect_now`: the server is starting, stopping or recovering. */
const NOT_NOW = '57P03';

export class DatabaseClient extends pg.Client {
  readonly #config: DatabaseClientConfig;
  /**
   * `in_hot_standby` as the server reported it at connection start; null if it was not reported, as through a pooler.
   */
  #inRecovery: boolean | null = null;
  /** The error that broke the connection after it was ready, if any. */
  #broke: Error | null = null;

  constructor(config: DatabaseClientConfig) {
    // Explicit values keep the driver from reading the environment, for which its rules differ from libpq's.
    super({
      ...config,
      user: 'none',
      database: 'none',
      host: 'localhost',
      port: 1,
      password: 'none',
      ssl: false,
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: 0,
    });
    this.#config = config;
    // The server may end the session in the same packet in which it reports that it is ready, before the caller can
    // add a listener; an unhandled error event would end the process.
    this.on('error', (error) => (this.#broke ??= error));
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null, client?: this) => void): void;
  override connect(callback?: (error: Error | null, client?: this) => void): Promise<this> | undefined {
    const opened = this.#open();
    if (callback === undefined) return opened;
    opened.then((client) => callback(null, client), callback);
    return undefined;
  }

  async #open(): Promise<this> {
    const { address } = this.#config;
    const target = address.read();
    const count = target.hosts.length;
    const { first } = address;
    const failures: unknown[] = [];
    for (let i = 0; i < count; i += 1) {
      const index = (first + i) % count;
      try {
        await this.#reach(target, target.hosts[index] as Host);
        if (this.#broke !== null) throw this.#broke;
        if (count > 1) address.first = index;
        return this;
      } catch (error) {
        failures.push(error);
        if (this.#driver._ending || !asksNext(error)) break;
      }
    }
    // `end()` of a client that never connected must not wait for a connection to close.
    this.#driver._ended = true;
    throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  }

  async #reach(target: Target, host: Host): Promise<void> {
    const ways = waysTo(target.parameters, host);
    const failures: unknown[] = [];
    for (const way of ways) {
      try {
        await this.#attempt(target, host, way);
        return await this.#demandRole(target);
      } catch (error) {
        failures.push(error);
        if (failures.length === ways.length || this.#driver._ending || !this.#asksOtherwise(error))
          throw outcomeOf(failures);
      }
    }
  }

  /** Whether the same server may accept the connection with TLS after it refused it without, or vice versa. */
  #asksOtherwise(error: unknown): boolean {
    // An unreadable file or a missing password fails either way.
    if (error instanceof ConnectProblem) return false;
    const { connection: wire } = this.#driver;
    if (sqlStateOf(error) !== null) return sqlStateOf(error) === NOT_ADMITTED && wire.encrypted === wire.wantsTls;
    return wire.wantsTls && wire.handshakes && !wire.encrypted && !isTimeout(error);
  }

  /**
   * The driver's client can connect only once. Each attempt therefore gets a new connection object, and the state of
   * the previous one is reset.
   */
  #attempt(target: Target, host: Host, { tls, plainIfNone }: Way): Promise<void> {
    const { parameters, user, database } = target;
    const { connectMs, options, application_name: name, replication } = this.#config;
    const settings = tls?.() ?? null;
    const driver = this.#driver;
    const own = parameters.get('options');
    const wire = new Wire({ host, tls: settings, plainIfNone, keepAliveMs: keepAliveMs(target) });
    Object.assign(driver, {
      connection: wire,
      user,
      database,
      host: host.name,
      port: host.port,
      ssl: settings !== null,
      sslNegotiation: settings?.direct === true ? 'direct' : 'postgres',
      saslSession: null,
      _connecting: false,
      _connected: false,
      _connectionError: false,
      _ended: false,
      _queryable: true,
      readyForQuery: false,
      _connectionTimeoutMillis: attemptMs(target, connectMs),
      // Called only if the server asks for a password. The driver declares the property as non-enumerable, so that a
      // logged client does not show it.
      password: () => target.password(host),
    } satisfies Partial<Driver>);
    Object.assign(driver.connectionParameters, {
      user,
      database,
      host: host.name,
      port: host.port,
      replication,
      application_name: parameters.get('application_name') || name,
      options: own ? `${own} ${options}` : options,
    });
    this.#inRecovery = null;
    this.#broke = null;
    wire.on('parameterStatus', ({ parameterName, parameterValue }: Record<string, string>) => {
      if (parameterName === 'in_hot_standby') this.#inRecovery = parameterValue === 'on';
    });
    demandAuthentication(wire, parameters, (binds) => (driver.enableChannelBinding = binds));
    return new Promise((resolve, reject) => {
      super.connect((error: Error | null) => {
        if (!error) return resolve();
        forget(wire);
        reject(error);
      });
    });
  }

  /**
   * Enforces `target_session_attrs`. Only the role of the server distinguishes read-write sessions from others here,
   * because Meridian sets `default_transaction_read_only` itself.
   */
  async #demandRole({ parameters }: Target): Promise<void> {
    const wanted = parameters.get('target_session_attrs') || 'any';
    if (wanted === 'any' || wanted === 'prefer-standby') return;
    const { connection: wire } = this.#driver;
    const isReplica =
      this.#inRecovery ??
      (await this.#asksRecovery().catch((error: unknown) => {
        forget(wire);
        throw error;
      }));
    if (isReplica === (wanted === 'standby' || wanted === 'read-only')) return;
    leave(wire);
    throw new OtherServer(
      `The server is a ${isReplica ? 'replica' : 'primary'}, where target_session_attrs=${wanted} asks for another`,
    );
  }

  async #asksRecovery(): Promise<boolean> {
    const question = {
      text: 'SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS replica',
      query_timeout: this.#config.connectMs,
    };
    return String((await this.query<{ replica: unknown }>(question)).rows[0]?.replica) === '1';
  }

  get #driver(): Driver {
    return this as unknown as Driver;
  }
}

/** Upper bound of the time that opening one connection takes, over all hosts and all ways. */
export function openMs({ hosts, parameters }: Target, connectMs: number): number {
  return hosts.reduce((ms, host) => ms + waysTo(parameters, host).length * connectMs, 0);
}

function attemptMs({ parameters }: Target, connectMs: number): number {
  const seconds = Number(parameters.get('connect_timeout') ?? 0);
  return seconds > 0 ? Math.min(seconds * 1_000, connectMs) : connectMs;
}

function keepAliveMs({ parameters }: Target): number | null {
  if (Number(parameters.get('keepalives') || 1) === 0) return null;
  const seconds = Number(parameters.get('keepalives_idle') ?? 0);
  return seconds > 0 ? seconds * 1_000 : KEEP_ALIVE_MS;
}

/** A server that refuses the role or the password ends the search, as in libpq: no other host is tried. */
function asksNext(error: unknown): boolean {
  if (error instanceof OtherServer) return true;
  if (error instanceof ConnectProblem) return false;
  const state = sqlStateOf(error);
  return state === null || state === NOT_NOW;
}

/** Of two refusals by the server, the one that does not come from pg_hba.conf is the more informative. */
function outcomeOf(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  return failures.every((one) => sqlStateOf(one) !== null)
    ? (failures.find((one) => sqlStateOf(one) !== NOT_ADMITTED) ?? failures[0])
    : new AggregateError(failures);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout expired';
}

const CLOSE_MS = 1_000;

/** Sends Terminate, without waiting for the server. */
function leave(wire: Wire): void {
  wire.end();
  silence(wire);
  const { stream } = wire;
  const limit = setTimeout(() => stream.destroy(), CLOSE_MS);
  stream.once('close', () => clearTimeout(limit));
}

function forget(wire: Wire): void {
  silence(wire);
  wire.stream.destroy();
}

/** Ignores all further events of a connection that was abandoned. */
function silence(wire: Wire): void {
  wire.removeAllListeners();
  wire.on('error', () => {
    // The failure was reported already.
  });
}
