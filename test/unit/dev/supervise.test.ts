/**
 * Owns the proof that what has died is started again for as long as it takes, and that this does not fill the terminal.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keepRunning, type Restartable } from '../../../src/dev/restart.ts';

const RESTART = { firstMs: 1, maxMs: 4 };

/** Ends at once while `lacks()` says what it lacks; otherwise runs until `kill`. */
class Subject implements Restartable {
  readonly what = 'The server of eu';
  readonly lacks: () => string | null;
  starts = 0;
  #running: PromiseWithResolvers<void> | null = Promise.withResolvers();

  constructor(lacks: () => string | null) {
    this.lacks = lacks;
  }

  async ended(): Promise<void> {
    await this.#running?.promise;
  }

  async start(): Promise<void> {
    this.starts += 1;
    const lack = this.lacks();
    if (lack !== null) throw new Error(`The server of eu ended before it was ready: ${lack}.`);
    this.#running = Promise.withResolvers();
  }

  kill(): void {
    const running = this.#running;
    this.#running = null;
    running?.resolve();
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const limit = performance.now() + 5_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 2)))
    assert.ok(performance.now() < limit);
}

describe('what is supervised', () => {
  it('is started again after any number of failures, and only some failures are reported', async () => {
    const stopping = new AbortController();
    const said: string[] = [];
    let database: string | null = 'no database';
    const subject = new Subject(() => database);
    const supervised = keepRunning(subject, {
      onNotice: (sentence) => said.push(sentence),
      onChange: () => undefined,
      stopping: stopping.signal,
      restart: RESTART,
    });
    subject.kill();
    await until(() => subject.starts >= 40);
    assert.equal(said.filter((sentence) => sentence.includes('no database')).length, 10);
    assert.deepEqual(
      said.filter((sentence) => sentence.includes('times in a row')),
      [
        'The server of eu has ended 11 times in a row; it is tried again at least every 0.0 s, and this says when it is back.',
      ],
    );
    database = null;
    await until(() => said.at(-1) === 'The server of eu is back.');
    const before = said.length;
    subject.kill();
    await until(() => said.length >= before + 2);
    assert.equal(said.at(-1), 'The server of eu is back.');
    stopping.abort();
    subject.kill();
    await supervised;
  });

  it('is not started again once everything stops', async () => {
    const stopping = new AbortController();
    const subject = new Subject(() => 'no database');
    const supervised = keepRunning(subject, {
      onNotice: () => undefined,
      onChange: () => undefined,
      stopping: stopping.signal,
      restart: RESTART,
    });
    subject.kill();
    await until(() => subject.starts >= 3);
    stopping.abort();
    await supervised;
    const { starts } = subject;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(subject.starts, starts);
  });
});
