/**
 * Proves reads while workers are killed one after the other, including the slot holder: no read is older than its
 * token, and clients see no failure other than broken connections.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { redisOrSkip } from '../support/redis.ts';
import { until } from '../support/replica-set.ts';
import {
  send,
  startWorkers,
  startWorkersPlace,
  workerOf,
  type Answered,
  type Asked,
  type WorkersPlace,
  type WorkersServer,
} from '../support/workers.ts';

const { program, skip } = redisOrSkip();
const CLIENTS = 4;
const KILLS = 6;
/** Between the end of a worker and the next kill. */
const QUIET_MS = 1_500;
/** What a killed worker has sent to the database may still be executed that long. */
const UNDER_WAY_MS = 300;
const BROKEN = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE']);

suite('workers that are killed', { skip }, () => {
  let place: WorkersPlace;
  let server: WorkersServer;
  before(async () => {
    place = await startWorkersPlace(program);
    server = await startWorkers(place);
  });
  after(async () => {
    server.process.kill('SIGKILL');
    await place[Symbol.asyncDispose]();
  });

  /** Null where the connection broke. */
  const tried = (query: string, asked?: Asked): Promise<Answered | null> =>
    send(server.url, query, asked).catch((error: NodeJS.ErrnoException) => {
      if (BROKEN.has(error.code ?? '')) return null;
      throw error;
    });

  test('no read is older than its token while workers are killed and started again', async () => {
    const stop = new AbortController();
    const counts = { reads: 0, broken: 0 };
    const client = async (id: number): Promise<void> => {
      for (let round = 1; !stop.signal.aborted; round += 1) {
        const written = await tried(`mutation { editItem(id: ${id}, note: "note ${round}") { item { note } } }`);
        if (written === null) {
          counts.broken += 1;
          await sleep(UNDER_WAY_MS);
          continue;
        }
        assert.ok(written.data?.['editItem'], written.body);
        // Each over a connection of its own: now one worker, now another.
        for (let i = 0; i < 4; i += 1) {
          const read = await tried(`{ item(id: ${id}) { note } }`, {
            token: String(written.headers['consistency-token']),
          });
          if (read === null) counts.broken += 1;
          else assert.deepEqual(read.data?.['item'], { note: `note ${round}` }, read.body);
          if (read !== null) counts.reads += 1;
        }
      }
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i + 1)));
    const kills = (async () => {
      for (let kill = 1; kill <= KILLS; kill += 1) {
        process.kill(await workerOf(server.url), 'SIGKILL');
        await until(
          'the worker serves again',
          () => server.lines.filter(({ msg }) => / serves again$/.test(msg)).length >= kill,
          30_000,
        );
        await sleep(QUIET_MS);
      }
    })().finally(() => stop.abort());
    await Promise.all([clients, kills]);
    assert.ok(counts.reads > 200, JSON.stringify(counts));
    server.process.kill('SIGTERM');
    assert.deepEqual(await server.ended, [0, null]);
  });
});
