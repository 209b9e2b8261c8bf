/**
 * Owns sending mutations to other regions' servers: kept and proven connections, up to a limit, each with one mutation
 * at a time.
 */
import { type KeyObject } from 'node:crypto';
import { isMeridianError } from '../base/errors.ts';
import { Limiter } from '../base/limiter.ts';
import { type Options } from '../config/options.ts';
import { FORWARD_PATH, readAnswer, writeEnvelope, type ForwardedMutation } from './envelope.ts';
import { ANSWERED_HEADER, SIGNATURE_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { sign } from './signature.ts';
import { type ForwardFailure, type ForwardOutcome, type ForwardTransport } from './decision.ts';
import { Connection, type Exchanged } from './connection.ts';
import { traced } from './trace.ts';

export type ForwardLimits = Pick<
  Options,
  | 'forwardMs'
  | 'forwardConnectMs'
  | 'forwardConnections'
  | 'forwardQueue'
  | 'forwardWaitMs'
  | 'forwardIdleMs'
  | 'forwardAnswerBytes'
  | 'poolWarm'
>;

export interface MutationSenderOptions {
  /** The region that this server runs in. */
  readonly local: string;
  /** Base URLs of the regions' servers by region name. */
  readonly serverUrls: ReadonlyMap<string, string>;
  readonly key: KeyObject;
  readonly limits: ForwardLimits;
}

/** A kept connection that answered more recently need not be proven again. */
const PROOF_MS = 1_000;
/** Characters of an unexpected answer that are kept for the log; such an answer may have any length. */
const DETAIL_LENGTH = 300;
const CLOSED = 'this server has closed its connections';

export class MutationSender implements ForwardTransport {
  readonly #options: MutationSenderOptions;
  readonly #targets = new Map<string, Target>();
  #closed = false;

  constructor(options: MutationSenderOptions) {
    this.#options = options;
  }

  async send(region: string, mutation: ForwardedMutation): Promise<ForwardOutcome> {
    const target = this.#target(region);
    if (target === null)
      return failed('unreachable', this.#closed ? CLOSED : `no serverUrl is configured for region ${region}`);
    try {
      return await target.send(mutation);
    } catch (error) {
      if (!isMeridianError(error, 'OVERLOADED')) throw error;
      return failed('busy', 'all connections are in use and the queue is at its limit');
    }
  }

  /** Opens connections to a region's server in advance, and checks whether a kept one still works. Never throws. */
  async warm(region: string): Promise<void> {
    await this.#target(region)?.warm();
  }

  /** The region's server is considered unreachable: kept connections may be broken by the time it is back. */
  async drop(region: string): Promise<void> {
    await this.#targets.get(region)?.drop();
  }

  /** Aborts what is in progress; mutations that wait for a connection, or arrive later, are not sent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#targets.values()].map((target) => target.close()));
  }

  #target(region: string): Target | null {
    const known = this.#targets.get(region);
    const url = this.#options.serverUrls.get(region);
    if (known !== undefined || url === undefined || this.#closed) return known ?? null;
    const target = new Target(region, url, this.#options);
    this.#targets.set(region, target);
    return target;
  }
}

class Target {
  readonly #region: string;
  readonly #url: URL;
  readonly #options: MutationSenderOptions;
  readonly #limiter: Limiter;
  readonly #open = new Set<Connection>();
  /** The most recently used connection is last, and is used first. */
  readonly #idle: Connection[] = [];
  #warming: Promise<void> | null = null;
  #closed = false;

  constructor(region: string, url: string, options: MutationSenderOptions) {
    const { forwardConnections, forwardQueue, forwardWaitMs } = options.limits;
    this.#region = region;
    this.#url = new URL(FORWARD_PATH, url);
    this.#options = options;
    this.#limiter = new Limiter({
      what: 'forwarded mutations',
      concurrent: forwardConnections,
      queued: forwardQueue,
      waitMs: forwardWaitMs,
    });
  }

  /** Serialized when a connection is free, so that a waiting mutation is not kept twice. */
  send(mutation: ForwardedMutation): Promise<ForwardOutcome> {
    return this.#limiter.run(async () => {
      if (this.#closed) return failed('unreachable', CLOSED);
      const body = writeEnvelope(mutation);
      return body === null
        ? failed('refused', 'its viewer or its variables cannot be written as JSON')
        : this.#write(body, traced(mutation.headers));
    });
  }

  #write(body: string, traceHeaders: Readonly<Record<string, string>>): Promise<ForwardOutcome> {
    return this.#borrowed(this.#take(), async (connection) => {
      if (!connection.proven) {
        const proof = await connection.prove(this.#url.pathname);
        if (!connection.proven) return judgeProof(this.#region, proof);
      }
      const { local, key, limits } = this.#options;
      // Signed when it is sent: the signature of a mutation that waited for a connection could be too old.
      const headers = {
        ...traceHeaders,
        'content-type': 'application/json',
        [SIGNATURE_HEADER]: sign({ key, body, from: local, to: this.#region }),
      };
      return judge(
        await connection.send({ method: 'POST', path: this.#url.pathname, headers, body, limitMs: limits.forwardMs }),
      );
    });
  }

  warm(): Promise<void> {
    this.#warming ??= this.#warm().finally(() => {
      this.#warming = null;
    });
    return this.#warming;
  }

  /** Closes idle connections. */
  async drop(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((connection) => this.#close(connection)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open].map((connection) => this.#close(connection)));
  }

  async #warm(): Promise<void> {
    if (this.#closed) return;
    for (const lost of this.#idle.filter(({ proven }) => !proven)) {
      this.#idle.splice(this.#idle.indexOf(lost), 1);
      await this.#close(lost);
    }
    const { poolWarm, forwardConnections } = this.#options.limits;
    const missing = Math.max(0, Math.min(poolWarm, forwardConnections) - this.#open.size);
    await Promise.all(Array.from({ length: missing }, () => this.#prove(this.#new())));
    // Proves the connection that was idle longest, one at a time, so that the others stay available for mutations.
    const [silent] = this.#idle
      .filter(({ heardAtMs }) => performance.now() - heardAtMs > PROOF_MS)
      .sort((a, b) => a.heardAtMs - b.heardAtMs);
    if (silent === undefined) return;
    this.#idle.splice(this.#idle.indexOf(silent), 1);
    await this.#prove(silent);
  }

  async #prove(connection: Connection): Promise<void> {
    await this.#borrowed(connection, () => connection.prove(this.#url.pathname));
  }

  async #borrowed<T>(connection: Connection, work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(connection);
    } finally {
      if (connection.proven) this.#idle.push(connection);
      else await this.#close(connection);
    }
  }

  #take(): Connection {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.proven) return connection;
      void this.#close(connection);
    }
    return this.#new();
  }

  #new(): Connection {
    const { forwardConnectMs, forwardIdleMs, forwardAnswerBytes } = this.#options.limits;
    const connection = new Connection({
      origin: this.#url.origin,
      connectMs: forwardConnectMs,
      idleMs: forwardIdleMs,
      maxAnswerBytes: forwardAnswerBytes,
    });
    this.#open.add(connection);
    return connection;
  }

  async #close(connection: Connection): Promise<void> {
    this.#open.delete(connection);
    await connection.close();
  }
}

function failed(failure: ForwardFailure, why: string, detail?: string): ForwardOutcome {
  return { kind: 'failed', failure, why, ...(detail === undefined ? {} : { detail: detail.slice(0, DETAIL_LENGTH) }) };
}

/** Any failure before the mutation itself is sent means that it has not run. */
function judgeProof(region: string, proof: Exchanged): ForwardOutcome {
  if (proof.kind === 'failed')
    return failed('unreachable', `the server of region ${region} cannot be reached: ${proof.why}`, proof.detail);
  if (proof.status === 404 || proof.status < 300)
    return failed('unknown', `the server of region ${region} takes no forwarded mutations`);
  return failed('unreachable', `the server of region ${region} answers with status ${proof.status}`);
}

/** Every status from 400 to 499 means that the request was not run: the server, or a proxy before it, refused it. */
function judge(exchanged: Exchanged): ForwardOutcome {
  if (exchanged.kind === 'failed') {
    if (!exchanged.sent) return failed('unreachable', exchanged.why, exchanged.detail);
    return failed(exchanged.cause === 'large' ? 'unreadable' : exchanged.cause, exchanged.why, exchanged.detail);
  }
  const { status, headers, body } = exchanged;
  if (status === 421) return failed('not primary', "it is not the primary's region, as its server sees it");
  if (status === 404) return failed('unknown', 'its server takes no forwarded mutations');
  if (status === 413) return failed('too large', 'it is larger than what its server takes', reasonIn(body));
  if (status === 429) return failed('busy', 'its server takes no more now');
  if (status >= 400 && status < 500)
    return failed('refused', `its server refused it with status ${status}`, reasonIn(body));
  const answered = Number(headers[ANSWERED_HEADER]);
  const answer =
    status === 200 && Number.isInteger(answered) && answered >= 200 && answered < 600 ? readAnswer(body) : null;
  if (answer === null) return failed('unreadable', `what was answered with status ${status} cannot be read`);
  const token = headers[TOKEN_HEADER];
  return {
    kind: 'answered',
    answer: { status: answered, token: typeof token === 'string' ? token : null, body: answer },
  };
}

function reasonIn(body: string): string {
  const errors = readAnswer(body)?.['errors'];
  const { message } = (Array.isArray(errors) ? (errors[0] ?? {}) : {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : body;
}
