/**
 * Owns one connection: statements pipelined in one round trip, and what this connection has established about its
 * server.
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
   * Milliseconds after which the connection is closed if the answer has not arrived, for a statement that may take
   * longer than others.
   */
  readonly answerMs?: number;
}

export interface SqlResult {
  readonly rows: readonly Row[];
  readonly rowCount: number;
  /** The command tag without counts: `COMMIT`, `ROLLBACK`, `UPDATE`. */
  readonly command: string;
}

/** The outcome of one statement of a pipeline. */
export type Outcome =
  { readonly ok: true; readonly result: SqlResult } | { readonly ok: false; readonly error: unknown };

export interface PipelineOptions {
  /** Milliseconds within which the first statement must be answered; a broken network reports nothing. */
  readonly answerMs?: number;
}

export interface ConnectionOptions {
  /** Maximum number of named prepared statements; further ones are sent unnamed. */
  readonly maxPrepared: number;
  /** The pool's plans. */
  readonly plans: Plans;
  readonly types: TypeParsers;
  /**
   * Milliseconds after which the connection is closed if an answer has not arrived, unless the statement sets its own
   * limit.
   */
  readonly answerMs: number;
}

/** Names of statements that inspect the server or the connection and call no function of the application. */
const OWN_NAME = /^meridian_[a-z]+$/;

export class Connection {
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  readonly #client: pg.ClientBase;
  #underWay = 0;
  #broken = false;
  #cluster: ClusterId | null = null;
  #timeline = 1;
  #primary = false;
  #flushes = false;
  #waitGivenUp = false;
  /** The session's settings as they were established, and whether they have changed since. */
  #session: string | null = null;
  #isChanged = false;
  /**
   * The highest position that this connection has shown. Its server cannot go back below it without ending the
   * connection.
   */
  #shown: Position | null = null;
  readonly #options: ConnectionOptions;
  readonly #prepared = new Set<string>();
  readonly #shapes = new Map<string, RowShape | null>();
  /**
   * Whether the server has answered a statement of the application, if only with an error. Only then can the session's
   * functions hold plans that are out of date.
   */
  #ran = false;
  /** The generation when it was opened. */
  readonly #generation: number;

  constructor(client: pg.ClientBase, options: ConnectionOptions) {
    this.#client = client;
    this.#options = options;
    this.#generation = options.plans.generation;
    // The driver fails the statements in flight; without a listener the error event would end the process.
    client.on('error', () => (this.#broken = true));
    // Recognised by the routine in the server's source, since the message may be translated.
    client.on('notice', ({ routine }) => (this.#waitGivenUp ||= routine === 'SyncRepWaitForLSN'));
    this.ended = new Promise((resolve) => {
      client.on('end', () => {
        this.#broken = true;
        resolve();
      });
    });
  }

  /**
   * Whether another caller may use the connection: nothing is open or in flight, its settings are unchanged, and it
   * has no plans of an older generation.
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
   * Whether the last COMMIT stopped waiting for its standbys. The transaction is then committed on this server at
   * least, whatever the answer to COMMIT was. The server sends the notice before it answers COMMIT, and only for a
   * commit. Reading it resets it.
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

  /** A lower bound of the server's timeline: the highest that it has reported. */
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

  /** Whether the role may make the server flush its WAL. */
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

  /** Sends the statements together and waits for every answer; each has its own outcome. */
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

  /** Sends the statements together; each promise resolves to the outcome of one as it arrives. None of them rejects. */
  send(statements: readonly SqlText[], options: PipelineOptions = {}): readonly Promise<Outcome>[] {
    const sent = statements.map(() => Promise.withResolvers<Outcome>());
    this.#send(statements, options, (place, outcome) => sent[place]?.resolve(outcome));
    return sent.map(({ promise }) => promise);
  }

  /** Like `outcomes`, for statements that must all succeed: throws the first failure. */
  async pipeline(statements: readonly SqlText[], options: PipelineOptions = {}): Promise<readonly SqlResult[]> {
    const outcomes = await this.outcomes(statements, options);
    return outcomes.map((outcome) => {
      if (!outcome.ok) throw outcome.error;
      return outcome.result;
    });
  }

  /** Closes the connection; every statement in flight fails at once. */
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
        // The session's state is unknown after a failure.
        if (name === INDEX.name) this.#isChanged = true;
        if (isStaleFunction(error)) plans.functionFailed(text, { generation, isNew: !this.#ran });
        else if (prepared !== null && isStalePlan(error)) plans.renew(generation);
        // Its functions may have run before it failed, for example at a constraint.
        this.#noteAnswer(name);
        done({ ok: false, error: withRefusedText(error, values) });
      },
    });
  }

  #noteAnswer(name: string | undefined): void {
    if (name !== undefined && !OWN_NAME.test(name)) this.#ran = true;
  }

  /**
   * Settings that a statement, or a function called by it, made for the session would remain in force for the next
   * user of the connection.
   */
  #learnSession(row: Row | undefined): void {
    const session = row?.[SESSION_COLUMN];
    if (this.#session !== null && typeof session === 'string' && session !== this.#session) this.#isChanged = true;
  }

  /**
   * The server keeps prepared statements for the lifetime of the connection, so their number is bounded. Null: the
   * statement is sent unnamed.
   */
  #prepare<T extends { readonly name: string }>(statement: T): T | null {
    if (this.#prepared.has(statement.name)) return statement;
    if (this.#prepared.size >= this.#options.maxPrepared) return null;
    this.#prepared.add(statement.name);
    return statement;
  }
}

/** The error's context numbers the parameter, among words that may be translated: `unnamed portal parameter $2`. */
const PARAMETER = /\$(\d+)/;

/**
 * Adds the text that cannot be converted to the error, so that a caller that knows the names of its values can say
 * which one it is.
 */
function withRefusedText(error: unknown, values: readonly unknown[] = []): unknown {
  if (!(error instanceof Error) || !NOT_TEXT.has(sqlStateOf(error) ?? '')) return error;
  const place = PARAMETER.exec((error as Error & { readonly where?: string }).where ?? '')?.[1];
  const value = place === undefined ? undefined : values[Number(place) - 1];
  if (typeof value === 'string') Object.defineProperty(error, 'refusedText', { value, enumerable: false });
  return error;
}
