/**
 * Owns one statement in the driver: which messages are sent for it, and how its answer is read. The driver's own query
 * class requests a description of the columns each time and copies its arguments; for statements that return few rows
 * that is most of their cost.
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
  /** Name of a prepared statement. */
  readonly name: string | undefined;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly types: TypeParsers;
  /** Row shapes of this connection's prepared statements, by name; null if the statement returns no rows. */
  readonly shapes: Map<string, RowShape | null>;
  /** Either `answered` or `failed` is called, once. */
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: unknown) => void;
}

/** The part of the driver's connection that a query uses. */
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

/** The driver's conversion of values to text for its own queries, which its types omit. */
const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as {
  readonly prepareValue: (value: unknown) => unknown;
};

/** Command tags: `SELECT 3`, `INSERT 0 3`, `BEGIN`. */
const TAG = /^([A-Za-z]+)(?: \d+)?(?: (\d+))?/;
const COUNT = / (\d+)$/;

/** If the text contains several statements, only the answer of the last one is returned. */
export class SentStatement {
  /** The driver reads these properties by name. */
  readonly name: string | undefined;
  readonly text: string;
  readonly #options: SentStatementOptions;
  #shape: RowShape | null | undefined;
  #rows: Row[] = [];
  /** Null until the server sends CommandComplete. */
  #tag: string | null = null;
  #failure: unknown = null;
  #isOver = false;

  constructor(options: SentStatementOptions) {
    this.name = options.name;
    this.text = options.text;
    this.#options = options;
  }

  /** Called by the driver to send the statement. A returned error fails the statement, which is then not sent. */
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
      // A value cannot be serialized. The server still answers Sync, so that the order of answers is kept.
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
    // The text is empty, and there is no answer to read.
  }

  handlePortalSuspended(): void {
    // Never sent: every statement fetches all of its rows.
  }

  handleCopyInResponse(connection: DriverConnection): void {
    connection.sendCopyFail('no rows to copy were given');
  }

  handleCopyData(): void {
    // The rows of a COPY TO are ignored.
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

  /** Discards the answer of an earlier statement of the same text. */
  #begin(): void {
    if (this.#tag === null) return;
    this.#tag = null;
    this.#rows = [];
  }
}

// In pipeline mode the driver accepts only instances of its own query class, whose constructor would copy all
// arguments.
Object.setPrototypeOf(SentStatement.prototype, pg.Query.prototype);
