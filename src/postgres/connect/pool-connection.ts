/**
 * Owns one connection: statements pipelined in one round trip, and what this very connection has proved of its server.
 */
import type pg from 'pg';
import { type ClusterId, type Position } from '../../base/lineage.ts';
import { type Row } from '../../model/model.ts';
import { type Role } from '../../region/view.ts';
import { NOT_TEXT } from './errors.ts';
import { ofGeneration, type Plans } from './plans.ts';
import { INDEX } from '../read/position.ts';
import { AnswerLimits } from './answer-limits.ts';
import { isStaleFunction, isStalePlan, sqlStateOf } from '../read/error.ts';
import { SESSION_COLUMN } from './session.ts';
import { destroySocket } from './open.ts';
import { type RowShape } from './row-shape.ts';
import { SentStatement, type Answer } from './sent-statement.ts';
import { type Wire } from './wire.ts';
import { type TypeParsers } from '../types/types.ts';

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

export interface ConnectionOptions {
  /** Named statements that it keeps; those beyond are sent without their name. */
  readonly maxPrepared: number;
  /** Its pool's. */
  readonly plans: Plans;
  readonly types: TypeParsers;
  /** Milliseconds after which the connection is given up, where a statement says nothing else. */
  readonly answerMs: number;
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
  readonly #options: ConnectionOptions;
  readonly #prepared = new Set<string>();
  readonly #shapes = new Map<string, RowShape | null>();
  /**
   * Whether a statement of the application has been answered, if only with an error: only then can its functions be
   * prepared for what has changed since.
   */
  #ran = false;
  /** When it was opened. */
  readonly #generation: number;

  constructor(client: pg.ClientBase, options: ConnectionOptions) {
    this.#client = client;
    this.#options = options;
    this.#generation = options.plans.generation;
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
      this.#generation === this.#options.plans.generation &&
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
    const outcomes = new Array<Outcome>(statements.length);
    let missing = statements.length;
    return new Promise((resolve) => {
      if (missing === 0) resolve(outcomes);
      this.#send(statements, options, (place, outcome) => {
        outcomes[place] = outcome;
        missing -= 1;
        if (missing === 0) resolve(outcomes);
      });
    });
  }

  /** Sends the statements in one flush; gives each one's outcome as it comes. None of the promises rejects. */
  send(statements: readonly SqlText[], options: PipelineOptions = {}): readonly Promise<Outcome>[] {
    const sent = statements.map(() => Promise.withResolvers<Outcome>());
    this.#send(statements, options, (place, outcome) => sent[place]?.resolve(outcome));
    return sent.map(({ promise }) => promise);
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

  #send(
    statements: readonly SqlText[],
    { answerMs }: PipelineOptions,
    done: (place: number, outcome: Outcome) => void,
  ): void {
    this.#underWay += statements.length;
    const limits = new AnswerLimits(() => this.destroy());
    const { connection } = this.#client as unknown as { readonly connection: Wire };
    connection.gather(() => {
      for (const [place, statement] of statements.entries()) {
        const sent = this.#query(statement, (outcome) => {
          this.#underWay -= 1;
          limits.answered(sent);
          done(place, outcome);
        });
        limits.add(sent, statement.answerMs ?? this.#options.answerMs);
        if (place === 0 && answerMs !== undefined) limits.add(sent, answerMs);
        this.#client.query(sent as unknown as pg.Submittable);
      }
    });
  }

  #query({ name, text, values = [] }: SqlText, done: (outcome: Outcome) => void): SentStatement {
    const { plans, types } = this.#options;
    const { generation } = plans;
    const prepared = name === undefined || name === '' ? null : this.#prepare(ofGeneration({ name, text }, generation));
    return new SentStatement({
      name: prepared?.name,
      text: prepared?.text ?? text,
      values,
      types,
      shapes: this.#shapes,
      answered: (result: Answer) => {
        this.#learnSession(result.rows[0]);
        this.#noteAnswer(name);
        plans.succeeded(text);
        done({ ok: true, result });
      },
      failed: (error: unknown) => {
        // What the session has become is not known then.
        if (name === INDEX.name) this.#isChanged = true;
        if (isStaleFunction(error)) plans.functionFailed(text, { generation, isNew: !this.#ran });
        else if (prepared !== null && isStalePlan(error)) plans.renew(generation);
        // Its functions may have run before it failed, at a constraint for example.
        this.#noteAnswer(name);
        done({ ok: false, error: withRefusedText(error, values) });
      },
    });
  }

  #noteAnswer(name: string | undefined): void {
    if (name !== undefined && !OWN_NAME.test(name)) this.#ran = true;
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
    if (this.#prepared.size >= this.#options.maxPrepared) return null;
    this.#prepared.add(statement.name);
    return statement;
  }
}

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
