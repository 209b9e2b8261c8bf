/**
 * Owns one statement on its way through the driver: what is sent of it, and how its answer is read. The driver's own
 * query asks the server for a description of the columns each time, and copies what it is given; where most statements
 * answer a row or ten, that is most of their cost.
 */
import { createRequire } from 'node:module';
import pg from 'pg';
import { type Row } from '../../model/model.ts';
import { type TypeParsers } from '../types/types.ts';
import { RowShape, type Column } from './row-shape.ts';

export interface Answer {
  readonly rows: readonly Row[];
  readonly rowCount: number;
  readonly command: string;
}

export interface SentStatementOptions {
  /** Of a prepared statement. */
  readonly name: string | undefined;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly types: TypeParsers;
  /** What this connection's prepared statements answer, by name; null for no rows. */
  readonly shapes: Map<string, RowShape | null>;
  /** Called once. */
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: unknown) => void;
}

/** The driver's connection, as a query of the driver's uses it. */
interface DriverConnection {
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { readonly name: string | undefined; readonly text: string }): void;
  bind(message: {
    readonly statement: string | undefined;
    readonly values: readonly unknown[];
    readonly valueMapper: (value: unknown) => unknown;
  }): void;
  describe(message: { readonly type: 'P'; readonly name: '' }): void;
  execute(message: null): void;
  sync(): void;
  query(text: string): void;
  sendCopyFail(reason: string): void;
}

/** How values become texts: as the driver does it for its own queries, whose types leave it out. */
const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as {
  readonly prepareValue: (value: unknown) => unknown;
};

/** `SELECT 3`, `INSERT 0 3`, `BEGIN`. */
const TAG = /^([A-Za-z]+)(?: \d+)?(?: (\d+))?/;
const COUNT = / (\d+)$/;

/** Of a text of several statements the last one's answer counts. */
export class SentStatement {
  /** Under these names the driver looks for them. */
  readonly name: string | undefined;
  readonly text: string;
  readonly #options: SentStatementOptions;
  #shape: RowShape | null | undefined;
  #rows: Row[] = [];
  /** Null until the server has said that the command is complete. */
  #tag: string | null = null;
  #failure: unknown = null;
  #isOver = false;

  constructor(options: SentStatementOptions) {
    this.name = options.name;
    this.text = options.text;
    this.#options = options;
  }

  /** The driver calls it when the statement is to be sent; what it returns fails the statement, unsent. */
  submit(connection: DriverConnection): Error | null {
    const { name, text, values, shapes } = this.#options;
    if (name === undefined && values.length === 0) {
      connection.query(text);
      return null;
    }
    const known =
      name === undefined ? undefined : (connection.parsedStatements[name] ?? connection.submittedNamedStatements[name]);
    if (known === undefined) {
      connection.parse({ name, text });
      if (name !== undefined) connection.submittedNamedStatements[name] = text;
    } else if (known !== text) return new TypeError(`two statements have the name ${name}`);
    try {
      connection.bind({ statement: name, values, valueMapper: prepareValue });
    } catch (error) {
      // A value that cannot be sent: the server answers the rest, so that the order of answers stays.
      connection.sync();
      process.nextTick(() => this.handleError(error));
      return null;
    }
    this.#shape = name === undefined ? undefined : shapes.get(name);
    if (this.#shape === undefined) connection.describe({ type: 'P', name: '' });
    connection.execute(null);
    connection.sync();
    return null;
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    const { name, shapes, types } = this.#options;
    this.#begin();
    this.#shape = new RowShape(fields, types);
    if (name !== undefined) shapes.set(name, this.#shape);
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#failure !== null) return;
    try {
      if (!this.#shape) throw new TypeError('a row was answered before its columns were described');
      this.#rows.push(this.#shape.read(fields));
    } catch (error) {
      this.#failure = error;
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const { name, shapes } = this.#options;
    this.#begin();
    this.#tag = text;
    if (name !== undefined && this.#shape === undefined) shapes.set(name, null);
  }

  handleEmptyQuery(): void {
    // An empty text: nothing was asked.
  }

  handlePortalSuspended(): void {
    // Every statement is asked for all of its rows.
  }

  handleCopyInResponse(connection: DriverConnection): void {
    connection.sendCopyFail('no rows to copy were given');
  }

  handleCopyData(): void {
    // Nobody reads it.
  }

  handleError(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.failed(this.#failure ?? error);
  }

  handleReadyForQuery(): void {
    if (this.#failure !== null) return this.handleError(this.#failure);
    if (this.#isOver) return;
    this.#isOver = true;
    const tag = this.#tag ?? '';
    this.#options.answered({
      rows: this.#rows,
      rowCount: Number(COUNT.exec(tag)?.[1] ?? 0),
      command: TAG.exec(tag)?.[1] ?? '',
    });
  }

  /** What an earlier statement of the same text has answered is nobody's. */
  #begin(): void {
    if (this.#tag === null) return;
    this.#tag = null;
    this.#rows = [];
  }
}

// In a pipeline the driver takes none but its own class, whose constructor would copy everything.
Object.setPrototypeOf(SentStatement.prototype, pg.Query.prototype);
