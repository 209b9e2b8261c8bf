/** Owns reading the true history from the primary's WAL, through a slot that nobody else uses. */
import pg from 'pg';
import { type Pgoutput, PgoutputPlugin } from 'pg-logical-replication';
import { sleep } from '../../src/base/clock.ts';
import { parseLsn, type Lsn } from '../../src/base/lsn.ts';
import { jsonOfRow, TABLE_NAMES, TABLES, type TableName, type TruthRow } from './tables.ts';
import { emptyTables, type Touch, type Truth } from './truth.ts';

const SLOT = 'history_truth';
/**
 * What DDL does to values is in no row change: who runs it writes the whole table under this prefix, in the same
 * transaction.
 */
export const WHOLE_PREFIX = 'history:whole';
const POLL_MS = 300;

/** Statement that tells the truth a table's rows as the transaction will leave them. */
export const wholeTable = (table: TableName): string =>
  `SELECT pg_logical_emit_message(true, '${WHOLE_PREFIX}', convert_to(json_build_object('table', '${table}', 'rows', (SELECT coalesce(json_agg(${jsonOfRow(table)}), '[]') FROM ${table}))::text, 'UTF8'))`;

const CHANGES = `SELECT data FROM pg_logical_slot_peek_binary_changes('${SLOT}', NULL, 20000, 'proto_version', '1', 'publication_names', 'meridian', 'messages', 'true')`;

interface Open {
  readonly xid: number;
  readonly rows: Map<string, Touch>;
}

export class TruthFeed {
  readonly #truth: Truth;
  readonly #dsn: string;
  readonly #now = emptyTables();
  #client: pg.Client | null = null;
  #open: Open | null = null;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(truth: Truth, dsn: string) {
    this.#truth = truth;
    this.#dsn = dsn;
  }

  /** Nobody may write until it resolves. */
  static async start(truth: Truth, dsn: string): Promise<TruthFeed> {
    const feed = new TruthFeed(truth, dsn);
    const client = await feed.#connected();
    await client.query(`SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`);
    for (const table of TABLE_NAMES) {
      const { rows } = await client.query<{ row: TruthRow }>(`SELECT ${jsonOfRow(table)} AS row FROM ${table}`);
      truth.begin(
        table,
        rows.map(({ row }) => row),
      );
      for (const { row } of rows) feed.#now.get(table)?.set(row['id'] ?? '', row);
    }
    feed.#running = feed.#run();
    return feed;
  }

  /** Resolves when the truth knows everything that the primary has written by now. */
  async caughtUp(timeoutMs: number): Promise<void> {
    for (const deadline = performance.now() + timeoutMs; ; await sleep(50)) {
      try {
        const client = await this.#connected();
        const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
        const lsn = parseLsn(rows[0]?.lsn ?? '');
        while (this.#truth.reached < lsn && performance.now() < deadline) await sleep(20);
        if (this.#truth.reached >= lsn) return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      if (performance.now() > deadline) throw new Error(`the true history is not known within ${timeoutMs} ms`);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    await this.#client?.query(`SELECT pg_drop_replication_slot('${SLOT}')`).catch(() => undefined);
    await this.#client?.end().catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#pull();
      } catch {
        // The primary is one of those who are killed; what was read stays, what was not is still in the slot.
        void this.#client?.end().catch(() => undefined);
        this.#client = null;
      }
      await sleep(POLL_MS);
    }
  }

  /**
   * Peeks first and lets go afterwards: a connection that breaks in between loses nothing, and what comes twice is
   * known by its position.
   */
  async #pull(): Promise<void> {
    const client = await this.#connected();
    const before = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const { rows } = await client.query<{ data: Buffer }>(CHANGES);
    const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['meridian'], messages: true });
    let last: string | null = null;
    for (const { data } of rows) last = this.#take(plugin.parse(data)) ?? last;
    // The answer ends with the transaction that fills it, so that a full one may have left some out.
    if (rows.length < 20_000) this.#truth.reach(parseLsn(before.rows[0]?.lsn ?? ''));
    if (last !== null) await client.query('SELECT pg_replication_slot_advance($1, $2::pg_lsn)', [SLOT, last]);
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const client = new pg.Client({ connectionString: this.#dsn, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {
      if (this.#client === client) this.#client = null;
    });
    await client.connect();
    await client.query(`SET application_name = 'history'; SET timezone = 'UTC'; SET datestyle = 'ISO'`);
    return (this.#client = client);
  }

  /** Gives the position of a transaction that the message ends. */
  #take(message: Pgoutput.Message): string | null {
    switch (message.tag) {
      case 'begin':
        this.#open = { xid: message.xid >>> 0, rows: new Map() };
        return null;
      case 'relation':
        for (const column of message.columns) column.parser = (raw: unknown) => raw;
        return null;
      case 'insert':
      case 'update':
      case 'delete':
        this.#change(message);
        return null;
      case 'truncate':
        for (const { name } of message.relations) this.#whole(name as TableName, []);
        return null;
      case 'message':
        if (message.transactional && message.prefix === WHOLE_PREFIX) {
          const { table, rows } = JSON.parse(new TextDecoder().decode(message.content)) as {
            table: TableName;
            rows: TruthRow[];
          };
          this.#whole(table, rows);
        }
        return null;
      case 'commit':
        return this.#commit(message);
      default:
        return null;
    }
  }

  #commit(message: Pgoutput.MessageCommit): string | null {
    const open = this.#open;
    this.#open = null;
    if (message.commitEndLsn === null || message.commitLsn === null || open === null) return null;
    const lsn = firstByteOf(parseLsn(message.commitLsn));
    if (lsn <= (this.#truth.commits.at(-1)?.lsn ?? 0n)) return message.commitEndLsn;
    const touches = [...open.rows.values()].filter(({ before, after }) => before !== null || after !== null);
    for (const { table, id, after } of touches) {
      if (after === null) this.#now.get(table)?.delete(id);
      else this.#now.get(table)?.set(id, after);
    }
    if (touches.length > 0)
      this.#truth.add({ lsn, endLsn: parseLsn(message.commitEndLsn), xid: open.xid, touches, toldAtMs: Infinity });
    return message.commitEndLsn;
  }

  #change(message: Pgoutput.MessageInsert | Pgoutput.MessageUpdate | Pgoutput.MessageDelete): void {
    const table = message.relation.name as TableName;
    if (!(table in TABLES)) return;
    if (message.tag === 'delete') return this.#touch(table, String((message.old ?? message.key)?.['id']), null);
    const id = String(message.new['id']);
    const known = this.#current(table, id);
    const sent = Object.entries(message.new).filter(([, value]) => value !== undefined);
    this.#touch(table, id, { ...known, ...(Object.fromEntries(sent) as TruthRow) });
  }

  #whole(table: TableName, rows: readonly TruthRow[]): void {
    if (!(table in TABLES)) return;
    const after = new Map(rows.map((row) => [row['id'] ?? '', row]));
    const ids = new Set([
      ...(this.#now.get(table)?.keys() ?? []),
      ...[...(this.#open?.rows.values() ?? [])].filter((touch) => touch.table === table).map(({ id }) => id),
      ...after.keys(),
    ]);
    for (const id of ids) this.#touch(table, id, after.get(id) ?? null);
  }

  #touch(table: TableName, id: string, after: TruthRow | null): void {
    const tracked = after && Object.fromEntries(TABLES[table].map((column) => [column, after[column] ?? null]));
    this.#open?.rows.set(`${table} ${id}`, {
      table,
      id,
      before: this.#now.get(table)?.get(id) ?? null,
      after: tracked,
    });
  }

  #current(table: TableName, id: string): TruthRow | null {
    const open = this.#open?.rows.get(`${table} ${id}`);
    return open !== undefined ? open.after : (this.#now.get(table)?.get(id) ?? null);
  }
}

const PAGE_BYTES = 8_192n;
const PAGE_HEADERS: readonly bigint[] = [24n, 40n];

/** One byte above the end of the record before: at the beginning of a page that end lies before the page's header. */
function firstByteOf(start: Lsn): Lsn {
  const inPage = start % PAGE_BYTES;
  return (start - (PAGE_HEADERS.includes(inPage) ? inPage : 0n) + 1n) as Lsn;
}
