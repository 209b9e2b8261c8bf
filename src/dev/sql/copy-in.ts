/** Owns `COPY … FROM stdin` over a session: the data follows the statement, as in a dump. */
import { type Connection, type Submittable } from 'pg';

/** The methods that the driver calls on a custom query; its types declare only `submit`. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

export class CopyIn implements Submittable {
  readonly #text: string;
  readonly #data: Buffer;
  readonly #done = Promise.withResolvers<void>();

  constructor(text: string, data: Buffer) {
    this.#text = text;
    this.#data = data;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#data);
    connection.endCopyFrom();
  }

  handleError(error: Error): void {
    this.#done.reject(error);
  }

  handleCommandComplete(): void {
    // The next message makes the session ready for further statements.
  }

  handleReadyForQuery(): void {
    this.#done.resolve();
  }
}
