/** Owns whoever writes past Meridian: plain SQL at the primary, as `psql`, a migration or another service does it. */
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { errorCodeOf } from '../../src/postgres/connect/open.ts';
import { type Shared } from './client.ts';
import { PRIMARY } from './place.ts';
import { sidePlan, type Dice, type SideStep, type SideWriteKind } from './plan.ts';
import { wholeTable } from './truth-feed.ts';

type Query = (sql: string, values?: unknown[]) => Promise<unknown>;

/** Runs in a transaction, which is committed behind it. */
interface Writing {
  readonly query: Query;
  /** Ends this transaction and begins another one. */
  readonly commit: () => Promise<void>;
  readonly dice: Dice;
  /** Text that nobody has written before. */
  readonly unique: () => string;
}

/** One of the tasks that are there, more often one of the first: `roll` decides. */
const someTask = (roll: number): string =>
  `(SELECT id FROM tasks ORDER BY id OFFSET ${roll % 3 === 0 ? roll % 60 : roll % 9} % greatest(1, (SELECT count(*) FROM tasks)) LIMIT 1)`;
const someUser = (roll: number): string => `${1 + (roll % 6)}`;
const someProject = (roll: number): string => `${1 + (roll % 6)}`;
const someStatus = (roll: number): string => ['TODO', 'DOING', 'DONE'][roll % 3] ?? 'TODO';

const MOVE = (task: string, project: string): string => `UPDATE tasks SET project_id = ${project} WHERE id = ${task}`;

const WRITES: Readonly<Record<SideWriteKind, (writing: Writing) => Promise<void>>> = {
  async retitle({ query, dice, unique }) {
    await query(`UPDATE tasks SET title = $1 WHERE id = ${someTask(dice[0])}`, [unique()]);
  },
  async move({ query, dice }) {
    await query(MOVE(someTask(dice[0]), someProject(dice[1])));
  },
  async 'move back and forth'({ query, commit, dice }) {
    // The row is where it was before, but the page in between was true as well.
    await query(MOVE(someTask(dice[0]), someProject(dice[1])));
    await commit();
    await query(MOVE(someTask(dice[0]), someProject(dice[1] + 1)));
  },
  async 'set status'({ query, dice }) {
    await query(
      `UPDATE tasks SET status = '${someStatus(dice[1])}', priority = ${dice[2] % 10} WHERE id = ${someTask(dice[0])}`,
    );
  },
  async 'rename user'({ query, dice, unique }) {
    await query(`UPDATE users SET name = $1 WHERE id = ${someUser(dice[0])}`, [unique()]);
  },
  async 'rename organization'({ query, dice, unique }) {
    await query(`UPDATE organizations SET name = $1 WHERE id = ${1 + (dice[0] % 2)}`, [unique()]);
  },
  async insert({ query, dice, unique }) {
    await query(
      `INSERT INTO tasks (organization_id, project_id, assignee_id, title, priority) VALUES (1, ${someProject(dice[0])}, ${someUser(dice[1])}, $1, ${dice[2] % 10})`,
      [unique()],
    );
  },
  async delete({ query, dice }) {
    await query(`DELETE FROM tasks WHERE id = ${someTask(dice[0])}`);
  },
  async 'several tables'({ query, dice, unique }) {
    await query(`UPDATE users SET name = $1 WHERE id = ${someUser(dice[0])}`, [unique()]);
    await query(MOVE(someTask(dice[1]), someProject(dice[2])));
    await query(
      `INSERT INTO comments (organization_id, task_id, author_id, body) SELECT 1, id, ${someUser(dice[3])}, $1 FROM tasks ORDER BY id LIMIT 2`,
      [unique()],
    );
    await query(`DELETE FROM tasks WHERE id = ${someTask(dice[3])}`);
  },
  async 'rolled back'({ query, dice, unique }) {
    await query(`UPDATE tasks SET title = $1 WHERE id = ${someTask(dice[0])}`, [unique()]);
    await query(MOVE(someTask(dice[0]), someProject(dice[1])));
    await query('ROLLBACK');
    await query('BEGIN');
  },
  async savepoint({ query, dice, unique }) {
    await query(`UPDATE tasks SET title = $1 WHERE id = ${someTask(dice[0])}`, [unique()]);
    await query('SAVEPOINT one');
    await query(`UPDATE users SET name = $1 WHERE id = ${someUser(dice[1])}`, [unique()]);
    await query('ROLLBACK TO one');
    await query(MOVE(someTask(dice[2]), someProject(dice[3])));
  },
  async 'many rows'({ query, dice }) {
    await query(`UPDATE tasks SET priority = (priority + 1) % 10 WHERE organization_id = ${1 + (dice[0] % 2)}`);
  },
  async comments({ query, dice, unique }) {
    if (dice[0] % 3 === 0)
      await query(
        `DELETE FROM comments WHERE id = (SELECT id FROM comments WHERE task_id = ${someTask(dice[1])} ORDER BY id LIMIT 1)`,
      );
    else if (dice[0] % 3 === 1)
      await query(
        `UPDATE comments SET body = $1 WHERE id = (SELECT id FROM comments WHERE task_id = ${someTask(dice[1])} ORDER BY id LIMIT 1)`,
        [unique()],
      );
    else
      await query(
        `INSERT INTO comments (organization_id, task_id, author_id, body) SELECT 1, id, ${someUser(dice[2])}, $1 FROM tasks WHERE id = ${someTask(dice[1])}`,
        [unique()],
      );
  },
  async 'dismiss user'({ query, commit, dice, unique }) {
    // Tasks lose their assignee by a cascade. Somebody else comes.
    await query(
      `DELETE FROM users WHERE id = (SELECT id FROM users WHERE id > 6 ORDER BY id OFFSET ${dice[0] % 6} LIMIT 1)`,
    );
    await commit();
    await query(`INSERT INTO users (organization_id, name, email) VALUES (1, $1::text, $1::text)`, [unique()]);
  },
  async 'truncate comments'({ query }) {
    await query('TRUNCATE comments');
  },
  async 'truncate tasks'({ query, unique }) {
    await query('TRUNCATE tasks, comments');
    await query(
      `INSERT INTO tasks (organization_id, project_id, assignee_id, title, priority) SELECT 1, 1 + i % 6, 1 + i % 6, $1 || ' ' || i, i % 10 FROM generate_series(1, 24) AS i`,
      [unique()],
    );
  },
  async 'add column'({ query, dice }) {
    await query(`ALTER TABLE tasks ADD COLUMN IF NOT EXISTS extra_${dice[0] % 3} text DEFAULT 'none'`);
  },
  async 'rewrite column'({ query, unique }) {
    // Every row changes and no change of a row is in the WAL.
    await query(`ALTER TABLE tasks ALTER COLUMN description TYPE text USING '${unique()}'`);
    await query(wholeTable('tasks'));
  },
  async 'drop column'({ query, dice }) {
    await query(`ALTER TABLE tasks DROP COLUMN IF EXISTS extra_${dice[0] % 3}`);
  },
  async 'widen column'({ query, dice }) {
    // The table is rewritten: to PostgreSQL, snapshots that are older find it empty.
    const type = dice[0] % 2 === 0 ? 'bigint' : 'integer';
    await query(`ALTER TABLE tasks ALTER COLUMN ${await spareColumn(query)} TYPE ${type}`);
    await query(wholeTable('tasks'));
  },
  async 'change text type'({ query, dice }) {
    const type = ['text', 'varchar(200)', 'varchar(400)'][dice[0] % 3];
    const column = dice[1] % 2 === 0 ? 'tasks ALTER COLUMN title' : 'users ALTER COLUMN name';
    await query(`ALTER TABLE ${column} TYPE ${type}`);
  },
  async 'rename column'({ query }) {
    const column = await spareColumn(query);
    await query(`ALTER TABLE tasks RENAME COLUMN ${column} TO ${column === 'spare' ? 'spare_too' : 'spare'}`);
  },
  async index({ query, dice }) {
    if (dice[0] % 2 === 0) await query('CREATE INDEX IF NOT EXISTS tasks_by_title ON tasks (title)');
    else await query('DROP INDEX IF EXISTS tasks_by_title');
  },
  async trigger({ query, dice }) {
    // Sessions that have run it have it prepared for the type that the title had then.
    await query(`CREATE OR REPLACE FUNCTION untouched() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.title = '' THEN RETURN NULL; END IF; RETURN NEW; END $$`);
    if (dice[0] % 3 === 0) return query('DROP TRIGGER IF EXISTS untouched ON tasks').then(() => undefined);
    await query(`CREATE OR REPLACE TRIGGER untouched BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION untouched()`);
  },
  async 'replica identity'({ query, commit, dice, unique }) {
    // For a moment changes say nothing of the old row, as after a migration that makes the table anew.
    await query('ALTER TABLE tasks REPLICA IDENTITY DEFAULT');
    await commit();
    await query(`UPDATE tasks SET title = $1 WHERE id = ${someTask(dice[0])}`, [unique()]);
    await commit();
    await query('ALTER TABLE tasks REPLICA IDENTITY FULL');
  },
  async 'rewrite table'({ query, dice }) {
    if (dice[0] % 2 === 0) return query('CLUSTER tasks USING tasks_pkey').then(() => undefined);
    await query('COMMIT');
    await query('VACUUM FULL tasks');
    await query('BEGIN');
  },
};

/** What the column that no field shows is called now. */
async function spareColumn(query: Query): Promise<string> {
  const answer = await query(`SELECT attname FROM pg_attribute
    WHERE attrelid = 'tasks'::regclass AND attname LIKE 'spare%' AND NOT attisdropped`);
  return (answer as { rows: { attname: string }[] }).rows[0]?.attname ?? 'spare';
}

/**
 * SQLSTATEs of what a writer meets who is not alone, or whose server was killed; other failures are of the connection.
 * 42701, 42703 and 42704: what another writer has renamed, made or dropped meanwhile. XX000: both have changed the same
 * entry of the catalog.
 */
const EXPECTED = /^(23|40|57|08|55P03|25P02|42704|42703|42701|XX000)/;
/** A trigger that this session has prepared for another type: it begins anew. */
const STALE = '42804';
const SQLSTATE = /^[0-9A-Z]{5}$/;

export class SideWriter {
  readonly #name: string;
  readonly #shared: Shared;
  #client: pg.Client | null = null;
  #written = 0;

  constructor(name: string, shared: Shared) {
    this.#name = name;
    this.#shared = shared;
  }

  async run(plan: Generator<SideStep, never> = sidePlan(this.#shared.seed, this.#name)): Promise<void> {
    const { isOver } = this.#shared;
    while (!isOver()) {
      const step = plan.next().value;
      await this.write(step);
      await sleep(step.pauseMs);
    }
    await this.#drop();
  }

  /** Whether it was committed. */
  async write({ kind, dice, commit: how, openMs }: Omit<SideStep, 'pauseMs'>): Promise<boolean> {
    const { acknowledge, tally } = this.#shared;
    try {
      const client = await this.#connected();
      const commit = async (): Promise<void> => {
        await sleep(openMs);
        const { rows } = await client.query<{ xid: string | null }>(
          'SELECT pg_current_xact_id_if_assigned()::text AS xid',
        );
        await client.query('COMMIT');
        const xid = rows[0]?.xid ?? null;
        // Whoever commits without waiting for the disk accepts that it may be lost, and another transaction take its
        // number.
        if (xid !== null && how !== 'off') acknowledge(Number(BigInt(xid) & 0xffffffffn));
      };
      const begin = async (): Promise<void> =>
        void (await client.query(`BEGIN; ${how === 'on' ? '' : `SET LOCAL synchronous_commit = ${how}`}`));
      await begin();
      await WRITES[kind]({
        query: (sql, values) => client.query(sql, values),
        commit: () => commit().then(begin),
        dice,
        unique: () => `${this.#name}-ü${(this.#written += 1)}`,
      });
      await commit();
      tally.count('statements beside');
      return true;
    } catch (error) {
      tally.count('statements beside that failed');
      const code = errorCodeOf(error);
      if (code === STALE) {
        await this.#drop();
        return false;
      }
      if (SQLSTATE.test(code) && !code.startsWith('E') && !EXPECTED.test(code)) throw error;
      if (SQLSTATE.test(code)) await this.#client?.query('ROLLBACK').catch(() => this.#drop());
      else await this.#drop();
      return false;
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const { place } = this.#shared;
    const client = new pg.Client({
      connectionString: place.dsn(PRIMARY, PRIMARY),
      connectionTimeoutMillis: 2_000,
      statement_timeout: 10_000,
      application_name: 'psql',
    });
    client.on('error', () => {
      if (this.#client === client) this.#client = null;
    });
    await client.connect();
    await client.query(`SET lock_timeout = 2000`);
    return (this.#client = client);
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }
}
