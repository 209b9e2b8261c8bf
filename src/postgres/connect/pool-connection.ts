/**
 * Owns one connection: statements pipelined in one round trip, and what this very connection has proved of its server.
 */
import type pg from 'pg';
import { type ClusterId, type Position } from '../../base/lineage.ts';
import { type Row } from '../../model/model.ts';
import { type Role } from '../../region/view.ts';
import { NOT_TEXT } from './errors.ts';
import { ofGeneration, Plans } from './plans.ts';
import { INDEX } from '../read/position.ts';
import { isStaleFunction, isStalePlan, sqlStateOf } from '../read/error.ts';
import { SESSION_COLUMN } from './session.ts';
import { destroySocket } from './open.ts';

export interface SqlText {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
  /**
   * Milliseconds after which the connection is given up, where an answer may take longer than that of other statements.
   */
  readonly answerMs?: number;
}

export interface SqlResult {
  readonly rows: readonly Row[];
  readonly rowCount: number;
  /** The command's tag: `COMMIT`, `ROLLBACK`, `UPDATE`. */
  readonly command: string;
}

/** What became of one statement of a pipeline. */
export type Outcome =
  { readonly ok: true; readonly result: SqlResult } | { readonly ok: false; readonly error: unknown };

export interface PipelineOptions {
  /** Milliseconds within which the first statement must have been answered; a link that is cut answers nothing. */
  readonly answerMs?: number;
}

/**
 * How statements are called that are about the server and the connection, and call no function of the application's.
 */
const OWN_NAME = /^meridian_[a-z]+$/;

export class Connection {
  /** Resolves when the connection is gone. */
  readonly ended: Promise<void>;
  readonly #client: pg.ClientBase;
  #underWay = 0;
  #broken = false;
  #cluster: ClusterId | null = null;
  #timeline = 1;
  #primary = false;
  #flushes = false;
  #waitGivenUp = false;
  /** As it was proved, and whether it has been changed since. */
  #session: string | null = null;
  #isChanged = false;
  /** The highest position that this connection has shown; its server cannot go back below it without ending it. */
  #shown: Position | null = null;
  readonly #maxPrepared: number;
  readonly #prepared = new Set<string>();
  /**
   * Whether a statement of the application has been answered: only then can its functions be prepared for what has
   * changed since.
   */
  #ran = false;
  /** Its pool's. */
  readonly #plans: Plans;
  /** When it was opened. */
  readonly #generation: number;

  /** `maxPrepared`: named statements that it keeps; those beyond are sent without their name. */
  constructor(client: pg.ClientBase, maxPrepared: number, plans: Plans = new Plans()) {
    this.#client = client;
    this.#maxPrepared = maxPrepared;
    this.#plans = plans;
    this.#generation = plans.generation;
    // Statements under way are told by the driver; without a listener the process would end.
    client.on('error', () => (this.#broken = true));
    // By the place in the server's source, since the words are in the language of its messages.
    client.on('notice', ({ routine }) => (this.#waitGivenUp ||= routine === 'SyncRepWaitForLSN'));
    this.ended = new Promise((resolve) => {
      client.on('end', () => {
        this.#broken = true;
        resolve();
      });
    });
  }

  /**
   * Nothing is open or under way, so that somebody else may have it; its settings are its own, and it keeps no plans of
   * an older generation.
   */
  get reusable(): boolean {
    return (
      !this.#broken &&
      !this.#isChanged &&
      this.#generation === this.#plans.generation &&
      this.#underWay === 0 &&
      (this.#client as pg.Client).getTransactionStatus() === 'I'
    );
  }

  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Whether the last COMMIT has stopped waiting for its standbys: it is committed, at this server at least, whatever
   * its answer was. The server says so before it answers COMMIT, and nothing but a commit says it. Asking forgets it.
   */
  takeWaitGivenUp(): boolean {
    const givenUp = this.#waitGivenUp;
    this.#waitGivenUp = false;
    return givenUp;
  }

  get cluster(): ClusterId {
    if (this.#cluster === null) throw new TypeError('a connection was used before it was proved');
    return this.#cluster;
  }

  /** At least the timeline that the server was on when it was last asked. */
  get timeline(): number {
    return this.#timeline;
  }

  get shown(): Position | null {
    return this.#shown;
  }

  proved({
    cluster,
    timeline,
    flushes,
    session,
  }: {
    readonly cluster: ClusterId;
    readonly timeline: number;
    readonly flushes: boolean;
    readonly session: string;
  }): void {
    this.#session = session;
    this.#cluster = cluster;
    this.#timeline = timeline;
    this.#flushes = flushes;
  }

  /** Whether it may have its server flush what is written. */
  get flushes(): boolean {
    return this.#flushes;
  }

  /** Whether the server was writable when it was last asked. */
  get primary(): boolean {
    return this.#primary;
  }

  showed(position: Position, role: Role): void {
    this.#timeline = Math.max(this.#timeline, position.timeline);
    this.#primary = role === 'primary';
    this.#shown = position;
  }

  /** Sends the statements in one flush and waits for every answer; each tells its own outcome. */
  outcomes(statements: readonly SqlText[], options: PipelineOptions = {}): Promise<readonly Outcome[]> {
    return Promise.all(this.send(statements, options));
  }

  /** Sends the statements in one flush; gives each one's outcome as it comes. None of the promises rejects. */
  send(statements: readonly SqlText[], { answerMs }: PipelineOptions = {}): readonly Promise<Outcome>[] {
    this.#underWay += statements.length;
    const sent = this.#corked(() => statements.map((statement) => this.#query(statement)));
    const [first] = sent;
    if (answerMs !== undefined && first !== undefined) this.#watch(first, answerMs);
    return sent;
  }

  /** As `outcomes`, for statements that must all succeed: throws the first failure. */
  async pipeline(statements: readonly SqlText[], options: PipelineOptions = {}): Promise<readonly SqlResult[]> {
    const outcomes = await this.outcomes(statements, options);
    return outcomes.map((outcome) => {
      if (!outcome.ok) throw outcome.error;
      return outcome.result;
    });
  }

  /** Drops the connection; everything that is under way fails at once. */
  destroy(): void {
    this.#broken = true;
    destroySocket(this.#client as pg.Client);
  }

  async #query({ name, text, values, answerMs }: SqlText): Promise<Outcome> {
    const { generation } = this.#plans;
    const prepared = name === undefined || name === '' ? null : this.#prepare(ofGeneration({ name, text }, generation));
    try {
      const config = {
        ...(prepared ?? { text }),
        ...(values === undefined ? {} : { values: [...values] }),
        ...(answerMs === undefined ? {} : { query_timeout: answerMs }),
      };
      const answer = (await this.#client.query<Record<string, unknown>>(config)) as Answered | readonly Answered[];
      // Of a text of several statements the driver gives every one's; the last one's counts.
      const { rows, rowCount, command } = Array.isArray(answer) ? (answer.at(-1) as Answered) : (answer as Answered);
      this.#learnSession(rows[0]);
      if (name !== undefined && !OWN_NAME.test(name)) this.#ran = true;
      this.#plans.succeeded(text);
      return { ok: true, result: { rows, rowCount: rowCount ?? 0, command } };
    } catch (error) {
      // What the session has become is not known then.
      if (name === INDEX.name) this.#isChanged = true;
      if (isStaleFunction(error)) this.#plans.functionFailed(text, { generation, isNew: !this.#ran });
      else if (prepared !== null && isStalePlan(error)) this.#plans.renew(generation);
      return { ok: false, error: withRefusedText(error, values) };
    } finally {
      this.#underWay -= 1;
    }
  }

  /**
   * What a statement, or a function that it called, has set for the session would hold for whoever has the connection
   * next.
   */
  #learnSession(row: Row | undefined): void {
    const session = row?.[SESSION_COLUMN];
    if (this.#session !== null && typeof session === 'string' && session !== this.#session) this.#isChanged = true;
  }

  /**
   * The server keeps what is prepared as long as the connection lives: however many shapes clients find, there is an
   * end to it. Null: sent without its name.
   */
  #prepare<T extends { readonly name: string }>(statement: T): T | null {
    if (this.#prepared.has(statement.name)) return statement;
    if (this.#prepared.size >= this.#maxPrepared) return null;
    this.#prepared.add(statement.name);
    return statement;
  }

  /** One write to the socket, and so one packet where they fit into one, instead of one for each statement. */
  #corked<T>(work: () => T): T {
    const { stream } = (
      this.#client as unknown as { readonly connection: { readonly stream: { cork(): void; uncork(): void } } }
    ).connection;
    stream.cork();
    try {
      return work();
    } finally {
      stream.uncork();
    }
  }

  #watch(first: Promise<Outcome>, answerMs: number): void {
    const timer = setTimeout(() => {
      // Every statement under way now fails as on any broken connection.
      this.destroy();
    }, answerMs);
    void first.finally(() => clearTimeout(timer));
  }
}

type Answered = pg.QueryResult<Record<string, unknown>>;

/**
 * The server counts the parameter in the error's context, in words of its own language: `unnamed portal parameter $2`.
 */
const PARAMETER = /\$(\d+)/;

/**
 * Beside an error of a text that cannot be converted, that text: only who knows what it is called can tell it apart.
 */
function withRefusedText(error: unknown, values: readonly unknown[] = []): unknown {
  if (!(error instanceof Error) || !NOT_TEXT.has(sqlStateOf(error) ?? '')) return error;
  const place = PARAMETER.exec((error as Error & { readonly where?: string }).where ?? '')?.[1];
  const value = place === undefined ? undefined : values[Number(place) - 1];
  if (typeof value === 'string') Object.defineProperty(error, 'refusedText', { value, enumerable: false });
  return error;
}
