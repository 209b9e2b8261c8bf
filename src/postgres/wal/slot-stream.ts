/**
 * Owns one replication connection: its commands, and the stream of a logical slot, whose acknowledgements are never
 * ahead of what was applied.
 */
import type pg from 'pg';
import { within } from '../../base/clock.ts';
import { MeridianError } from '../../base/errors.ts';
import { type TimelineHistory } from '../../base/lineage.ts';
import { formatLsn, toLsn, type Lsn } from '../../base/lsn.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { closeClient, openClient, type ClientOptions } from '../connect/open.ts';
import { readHistory } from '../connect/timeline.ts';

/** The part of the driver's connection that streaming needs; its types omit it. */
interface CopyConnection {
  readonly stream: { pause(): void; resume(): void; readonly writable: boolean };
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
  on(event: 'replicationStart', listener: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

export interface SystemIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

export interface StreamRequest {
  readonly slot: string;
  readonly publication: string;
  /**
   * Transactions that committed at or below this position are not sent. The server raises it to what the slot has
   * confirmed.
   */
  readonly from: Lsn;
  readonly onStart: () => void;
  /** One message of the output plugin. The buffer is reused: read it before returning. */
  readonly onData: (payload: Buffer) => void;
  /** The server has decoded everything up to `decodedLsn`, and has sent what is published of it. */
  readonly onKeepalive: (decodedLsn: Lsn, replyRequested: boolean) => void;
}

const XLOG_DATA = 0x77; // 'w'
const KEEPALIVE = 0x6b; // 'k'
const XLOG_DATA_HEADER = 25;
/** A server in the middle of a large transaction answers late; closing does not wait longer than this. */
const CLOSE_MS = 500;
/** Milliseconds from 1970 to 2000, PostgreSQL's epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

export class SlotStream {
  readonly #client: pg.Client;
  readonly #connection: CopyConnection;
  #streaming = false;
  #closing = false;
  /** Settles when the server has ended the stream. */
  #left: Promise<unknown> = Promise.resolve();

  constructor(client: pg.Client) {
    this.#client = client;
    this.#connection = (client as unknown as { connection: CopyConnection }).connection;
  }

  static async open(options: Omit<ClientOptions, 'replication' | 'statementMs'>): Promise<SlotStream> {
    return new SlotStream(await openClient({ ...options, replication: true, statementMs: 0 }));
  }

  /** Process id of the walsender. */
  get pid(): number {
    return (this.#client as pg.Client & { readonly processID: number }).processID;
  }

  async identify(): Promise<SystemIdentity> {
    const { rows } = await this.#client.query<{ systemid: string; timeline: number | string }>('IDENTIFY_SYSTEM');
    const row = rows[0];
    if (!row)
      throw new MeridianError({
        code: 'DATABASE_ERROR',
        message: 'IDENTIFY_SYSTEM answered nothing: the address does not lead to a PostgreSQL server.',
      });
    return { systemIdentifier: row.systemid, timeline: Number(row.timeline) };
  }

  history(timeline: number): Promise<TimelineHistory> {
    return readHistory(this.#client, timeline);
  }

  /** Streams until `close`. Rejects with the cause if the server or the network ends the stream. */
  async stream(request: StreamRequest): Promise<void> {
    this.#connection.on('replicationStart', () => {
      this.#streaming = true;
      request.onStart();
    });
    this.#connection.on('copyData', ({ chunk }) => this.#receive(chunk, request));
    const publication = replicationLiteral(quoteIdentifier(request.publication));
    // Protocol version 1 sends each transaction as a whole, after its commit and in commit order, as R2 requires.
    const streaming = this.#client.query(
      `START_REPLICATION SLOT ${quoteIdentifier(request.slot)} LOGICAL ${formatLsn(request.from)} (proto_version '1', publication_names ${publication}, messages 'true')`,
    );
    this.#left = streaming.then(noop, noop);
    try {
      await streaming;
    } finally {
      this.#streaming = false;
    }
  }

  /**
   * Confirms everything up to `applied`, so that the slot can release it. The three positions are equal, because a
   * lower "written" position makes the server send a keepalive for each record that it decodes, which advances the
   * watermark of an idle stream.
   */
  acknowledge(applied: Lsn, replyRequested: boolean): void {
    if (!this.#streaming || !this.#connection.stream.writable) return;
    const message = Buffer.alloc(34);
    message.write('r', 0, 'latin1');
    message.writeBigUInt64BE(applied, 1);
    message.writeBigUInt64BE(applied, 9);
    message.writeBigUInt64BE(applied, 17);
    message.writeBigInt64BE(BigInt(Math.round((Date.now() - POSTGRES_EPOCH_MS) * 1_000)), 25);
    message.writeUInt8(replyRequested ? 1 : 0, 33);
    this.#connection.sendCopyFromChunk(message);
  }

  /** Stops reading from the socket: the server then waits, but still receives acknowledgements. */
  pause(): void {
    this.#connection.stream.pause();
  }

  resume(): void {
    this.#connection.stream.resume();
  }

  /**
   * Ends the stream with CopyDone, so that the server processes the last acknowledgement and releases the slot at
   * once.
   */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#streaming && this.#connection.stream.writable) {
      this.#connection.endCopyFrom();
      this.#connection.stream.resume();
      await within(this.#left, CLOSE_MS, () => undefined);
    }
    await closeClient(this.#client);
  }

  #receive(chunk: Buffer, request: StreamRequest): void {
    if (this.#closing) return;
    const kind = chunk[0];
    if (kind === XLOG_DATA) request.onData(chunk.subarray(XLOG_DATA_HEADER));
    else if (kind === KEEPALIVE) request.onKeepalive(toLsn(chunk.readBigUInt64BE(1)), chunk[17] === 1);
  }
}

const noop = (): void => {
  // The caller of `stream` receives the error; `close` only waits for the end.
};

/** The replication grammar differs from SQL's: a backslash is an ordinary character. */
function replicationLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
