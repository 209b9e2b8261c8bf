/**
 * Owns those who write while others read: plain SQL at the primary, one statement after the other, so that each write
 * of a row is newer than the one before.
 */
import { Client } from 'pg';
import { dice, writtenTitle } from './requests.ts';

/** Writes of this process so far: never the same title twice. */
let written = 0;
/** Beyond, the primary cannot keep up, and what was measured would not be what is claimed. */
const MOST_WAITING = 1_000;

export class Writers {
  readonly #client: Client;
  readonly #tasks: readonly string[];
  #waiting = 0;
  #failure: unknown = null;
  count = 0;

  private constructor(client: Client, tasks: readonly string[]) {
    this.#client = client;
    this.#tasks = tasks;
  }

  /** `tasks`: ids of what is read. */
  static async open(url: string, tasks: readonly string[]): Promise<Writers> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return new Writers(client, tasks);
  }

  /** One write of one of the tasks, soon. Throws when an earlier one has failed or too many wait. */
  write(): void {
    if (this.#failure !== null) throw new Error('a write failed', { cause: this.#failure });
    if (this.#waiting >= MOST_WAITING)
      throw new Error(`${MOST_WAITING} writes wait for the primary: it cannot keep up with the readers`);
    written += 1;
    this.#waiting += 1;
    const values = [this.#tasks[dice(written, this.#tasks.length)], writtenTitle(written)];
    this.#client.query({ name: 'write', text: 'UPDATE tasks SET title = $2 WHERE id = $1', values }).then(
      () => {
        this.#waiting -= 1;
        this.count += 1;
      },
      (error: unknown) => (this.#failure = error),
    );
  }

  /** Ends when the last write is there. */
  async close(): Promise<void> {
    await this.#client.end();
  }
}
