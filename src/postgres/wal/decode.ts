/** Owns decoding pgoutput's messages into committed transactions and heartbeats, with exact 64-bit positions. */
import { type Pgoutput, PgoutputPlugin } from 'pg-logical-replication';
import { parseLsn } from '../../base/lsn.ts';
import { type Change, type CommittedTransaction, type Heartbeat } from '../../change/ports.ts';
import { type Row } from '../../model/model.ts';

/** Prefix of the messages that carry a mutation's extra tags, and of the heartbeat. */
export const MESSAGE_PREFIX = 'meridian';
export const HEARTBEAT_PREFIX = 'meridian:heartbeat';

export type Decoded =
  /** `xid`: the low 32 bits of the transaction's id. */
  | {
      readonly kind: 'transaction';
      readonly xid: number;
      readonly transaction: CommittedTransaction;
      readonly bytes: number;
    }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat };

export interface DecodeLimits {
  readonly maxTransactionChanges: number;
  readonly maxTransactionBytes: number;
}

/** One transaction that is being received. Past a limit only the names of its tables are kept. */
class Assembly {
  readonly xid: number;
  readonly messages: string[] = [];
  #changes: Change[] = [];
  #tables: Map<string, Change> | null = null;
  #bytes = 0;
  readonly #limits: DecodeLimits;

  constructor(xid: number, limits: DecodeLimits) {
    this.xid = xid;
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#tables === null ? this.#bytes : 0;
  }

  get changes(): readonly Change[] {
    return this.#tables === null ? this.#changes : [...this.#tables.values()];
  }

  add(change: Change, bytes: number): void {
    this.#bytes += bytes;
    if (this.#tables === null) {
      this.#changes.push(change);
      if (this.#changes.length > this.#limits.maxTransactionChanges || this.#bytes > this.#limits.maxTransactionBytes)
        this.#collapse();
    } else {
      this.#addTable(this.#tables, change);
    }
  }

  #collapse(): void {
    this.#tables = new Map();
    for (const change of this.#changes) this.#addTable(this.#tables, change);
    this.#changes = [];
  }

  #addTable(tables: Map<string, Change>, { schema, table }: Change): void {
    const key = JSON.stringify([schema, table]);
    if (!tables.has(key)) tables.set(key, { kind: 'truncate', schema, table });
  }
}

/** One per connection: the server describes each table once per stream, before its first change. */
export class ChangeDecoder {
  readonly #plugin: PgoutputPlugin;
  readonly #limits: DecodeLimits;
  #current: Assembly | null = null;

  constructor(publication: string, limits: DecodeLimits) {
    this.#plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [publication], messages: true });
    this.#limits = limits;
  }

  /** Takes one message; returns a result if it completes a transaction or is a heartbeat. */
  push(payload: Buffer): Decoded | null {
    const message = this.#plugin.parse(payload);
    switch (message.tag) {
      case 'begin':
        this.#current = new Assembly(message.xid >>> 0, this.#limits);
        return null;
      case 'commit':
        return this.#commit(message);
      case 'relation':
        // Values stay the text that the server sent, so that nothing is rounded or converted to another time zone.
        for (const column of message.columns) column.parser = asText;
        return null;
      case 'insert':
      case 'update':
      case 'delete':
        this.#current?.add(rowChange(message), payload.length);
        return null;
      case 'truncate':
        for (const { schema, name } of message.relations)
          this.#current?.add({ kind: 'truncate', schema, table: name }, payload.length);
        return null;
      case 'message':
        return this.#message(message);
      case 'type':
      case 'origin':
        return null;
    }
  }

  #commit(message: Pgoutput.MessageCommit): Decoded | null {
    const current = this.#current;
    this.#current = null;
    if (current === null || message.commitEndLsn === null) return null;
    const transaction = {
      // The end of the commit record, not its start: the commit is visible when replay has reached the end.
      commitLsn: parseLsn(message.commitEndLsn),
      committedAtMs: Number(message.commitTime) / 1_000,
      changes: current.changes,
      messages: current.messages,
    };
    return { kind: 'transaction', xid: current.xid, transaction, bytes: current.bytes };
  }

  #message(message: Pgoutput.MessageMessage): Decoded | null {
    if (message.transactional) {
      if (message.prefix === MESSAGE_PREFIX) this.#current?.messages.push(textOf(message.content) ?? UNREADABLE);
      return null;
    }
    if (message.prefix !== HEARTBEAT_PREFIX || message.messageLsn === null) return null;
    const primaryTimeMs = heartbeatTime(textOf(message.content) ?? '');
    // A message's position is the start of its record: everything before it has been delivered, which is the meaning
    // of a heartbeat.
    return primaryTimeMs === null
      ? null
      : { kind: 'heartbeat', heartbeat: { lsn: parseLsn(message.messageLsn), primaryTimeMs } };
  }
}

const asText = (raw: unknown): unknown => raw;

/** Replaces a message that is not UTF-8, written manually in another encoding: it could name any tag. */
const UNREADABLE = '{"ddl":{"all":true}}';

/** Null if it is not UTF-8. */
function textOf(content: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return null;
  }
}

/** Any role may write messages with the prefix; one that is not a heartbeat is ignored. */
function heartbeatTime(content: string): number | null {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== 'object' || value === null || !('primaryTimeMs' in value)) return null;
    return typeof value.primaryTimeMs === 'number' && Number.isFinite(value.primaryTimeMs) ? value.primaryTimeMs : null;
  } catch {
    return null;
  }
}

function rowChange(message: Pgoutput.MessageInsert | Pgoutput.MessageUpdate | Pgoutput.MessageDelete): Change {
  const { schema, name, replicaIdentity } = message.relation;
  const place = { schema, table: name };
  if (message.tag === 'insert')
    return { kind: 'insert', ...place, before: null, after: present(message.new), beforeIsWhole: true };
  const before = message.old ?? message.key;
  return {
    kind: message.tag,
    ...place,
    before: before === null ? null : present(before),
    after: message.tag === 'update' ? present(message.new) : null,
    beforeIsWhole: replicaIdentity === 'full' && before !== null,
  };
}

/** Leaves out columns that were not sent: unchanged TOASTed values, and columns outside of the key. */
function present(tuple: Record<string, unknown>): Row {
  // `Object.entries` and `Object.fromEntries` would take three times as long, for every row that changes.
  const row: Record<string, unknown> = {};
  for (const name in tuple) {
    const value = tuple[name];
    if (value !== undefined) row[name] = value;
  }
  return row;
}
