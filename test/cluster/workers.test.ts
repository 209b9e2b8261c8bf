/**
 * Proves several workers of one server, run as a user runs them: distributed connections, exact reads, common metrics,
 * restarts, draining, and errors in one sentence.
 */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../src/base/clock.ts';
import { meridian } from '../support/command.ts';
import { EventWatcher, SocketWatcher } from '../support/live.ts';
import { redisOrSkip } from '../support/redis.ts';
import { until } from '../support/replica-set.ts';
import {
  connectionsToEach,
  send,
  startWorkers,
  startWorkersPlace,
  workerOf,
  type WorkersPlace,
  type WorkersServer,
} from '../support/workers.ts';

const { program, skip } = redisOrSkip();
const ROUNDS = 40;

suite('several workers of one server', { skip }, () => {
  let place: WorkersPlace;
  let server: WorkersServer;
  const valueOf = (metrics: string, series: string): number =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length + 1),
    );
  const metricsOf = async (asked = {}): Promise<string> =>
    (await send(server.url.replace('/graphql', '/metrics'), null, asked)).body;
  before(async () => {
    place = await startWorkersPlace(program);
    server = await startWorkers(place);
  });
  after(async () => {
    server.process.kill('SIGKILL');
    await place[Symbol.asyncDispose]();
  });

  test('the log names one URL once, and connections are distributed over the workers', async () => {
    assert.equal(server.lines.filter(({ url }) => url !== undefined).length, 1, JSON.stringify(server.lines));
    // One connection after the other: of those that come in one moment, a worker that has the processor just then may
    // take all.
    const agents = await connectionsToEach(server.url, 2);
    assert.ok(!agents.has(server.process.pid ?? 0), 'the first process serves nothing');
    for (const agent of agents.values()) agent.destroy();
  });

  test('a read with the token of a write is never stale, whichever worker writes and reads', async () => {
    const agents = [...(await connectionsToEach(server.url, 2)).values()];
    let reads = 0;
    const write = async (id: number): Promise<void> => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const note = `note ${round}`;
        const written = await send(server.url, `mutation { editItem(id: ${id}, note: "${note}") { item { note } } }`, {
          agent: agents[(id + round) % 2] as never,
        });
        const token = written.headers['consistency-token'] as string;
        for (const agent of [...agents, ...agents]) {
          const { data, body } = await send(server.url, `{ item(id: ${id}) { note } }`, { agent, token });
          reads += 1;
          assert.deepEqual(data?.['item'], { note }, body);
        }
      }
    };
    await Promise.all([1, 2, 3, 4].map(write));
    assert.equal(reads, 4 * ROUNDS * 2 * agents.length);
    const metrics = await metricsOf();
    const hits =
      valueOf(metrics, 'meridian_cache_lookups_total{layer="local",outcome="hit"}') +
      valueOf(metrics, 'meridian_cache_lookups_total{layer="shared",outcome="hit"}');
    assert.ok(hits > 0, 'some were answered from the caches');
    for (const agent of agents) agent.destroy();
  });

  test('a live query at any worker is told of what another one writes, over either transport', async () => {
    const query = 'subscription { item(id: 5) { note } }';
    const watchers = Array.from({ length: 16 }, (_, i) =>
      i % 2 === 0 ? new EventWatcher(server.url, { query }) : new SocketWatcher(server.url, { query }),
    );
    await Promise.all(watchers.map((watcher) => watcher.message(0)));
    const figures = async (name: string): Promise<number> => valueOf(await metricsOf(), `meridian_live_${name}`);
    assert.equal(await figures('subscribers'), watchers.length);
    assert.equal(await figures('queries'), 2, 'both workers serve some of them');
    await send(server.url, 'mutation { editItem(id: 5, note: "seen by all") { item { note } } }');
    for (const watcher of watchers)
      assert.deepEqual((await watcher.message(1)).data, { item: { note: 'seen by all' } });
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
    await until('nobody subscribes any more', async () => (await figures('subscribers')) === 0);
  });

  test('the metrics of any worker cover all workers: counters are added up, and gauges too where a sum has a meaning', async () => {
    const agents = await connectionsToEach(server.url, 2);
    const series = 'meridian_graphql_operations_total{type="query"}';
    const before = valueOf(await metricsOf(), series);
    for (const agent of agents.values()) for (let i = 0; i < 5; i += 1) await workerOf(server.url, { agent });
    for (const agent of agents.values()) {
      const metrics = await metricsOf({ agent });
      assert.equal(valueOf(metrics, series), before + 10);
      assert.equal(valueOf(metrics, 'meridian_workers'), 2);
      assert.equal(valueOf(metrics, 'meridian_graphql_operation_duration_seconds_count{type="query"}'), before + 10);
      assert.equal(valueOf(metrics, 'meridian_region_status{region="eu",status="healthy"}'), 1);
      assert.equal(valueOf(metrics, 'meridian_cache_on{layer="local"}'), 1);
      agent.destroy();
    }
  });

  test('a worker that does not answer delays no other and is counted, and no counter goes down', async () => {
    const [[stopped, first], [, second]] = [...(await connectionsToEach(server.url, 2))] as [
      [number, never],
      [number, never],
    ];
    const before = valueOf(await metricsOf({ agent: first }), 'meridian_graphql_operations_total{type="query"}');
    process.kill(stopped, 'SIGSTOP');
    try {
      const metrics = await metricsOf({ agent: second });
      assert.equal(valueOf(metrics, 'meridian_worker_metrics_missing_total'), 1);
      assert.equal(valueOf(metrics, 'meridian_graphql_operations_total{type="query"}'), before);
    } finally {
      process.kill(stopped, 'SIGCONT');
    }
  });

  test('a worker that is killed is restarted, the others go on, and clients see only broken connections', async () => {
    const counted = valueOf(await metricsOf(), 'meridian_graphql_operations_total{type="query"}');
    const killed = await workerOf(server.url);
    const problems: unknown[] = [];
    const stop = new AbortController();
    let answered = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop.signal.aborted) {
        const { status, data, body } = await send(server.url, '{ item(id: 50) { note } }').catch(
          (error: NodeJS.ErrnoException) => ({ status: 0, data: undefined, body: error.code ?? '' }),
        );
        if (status === 0 ? body !== 'ECONNRESET' : (data?.['item'] as { note?: string } | undefined)?.note !== 'note 0')
          problems.push([status, body]);
        if (status === 200) answered += 1;
        await sleep(2);
      }
    });
    await sleep(200);
    process.kill(killed, 'SIGKILL');
    await until('the worker serves again', () => server.lines.some(({ msg }) => / serves again$/.test(msg)), 30_000);
    stop.abort();
    await Promise.all(load);
    assert.deepEqual(problems, []);
    assert.ok(answered > 20, `${answered} answers`);
    assert.ok(
      server.lines.some(
        ({ msg, signal }) =>
          signal === 'SIGKILL' && /^worker \d ended with signal SIGKILL; it is started again in \d+ ms$/.test(msg),
      ),
    );
    const agents = await connectionsToEach(server.url, 2);
    assert.ok(!agents.has(killed));
    for (const agent of agents.values()) agent.destroy();
    const metrics = await metricsOf();
    assert.equal(valueOf(metrics, 'meridian_worker_restarts_total'), 1);
    assert.ok(
      valueOf(metrics, 'meridian_graphql_operations_total{type="query"}') >= counted,
      'what the killed worker had counted is kept',
    );
  });

  test('SIGTERM to the first process ends it with status 0 after every running request has its answer', async () => {
    const own = await startWorkers(place, { MERIDIAN_DRAIN_DELAY_MS: '500' });
    // As a load balancer does: it goes on over its connections until it is told to close them.
    const clients = [...(await connectionsToEach(own.url, 2)).values()].map(async (agent) => {
      for (let answered = 0; ; answered += 1) {
        const { status, headers, data } = await send(own.url, '{ slow(ms: 5) }', { agent });
        assert.equal(status, 200);
        assert.ok(data?.['slow']);
        if (headers.connection === 'close') return answered;
      }
    });
    const slow = Array.from({ length: 30 }, () => send(own.url, '{ slow(ms: 2000) }'));
    const ofEach = [...(await connectionsToEach(own.url, 2))].map(async ([pid, agent]) =>
      assert.equal((await send(own.url, '{ slow(ms: 2000) }', { agent })).data?.['slow'], String(pid)),
    );
    await sleep(300);
    own.process.kill('SIGTERM');
    await sleep(200);
    assert.equal((await send(own.url.replace('/graphql', '/health/ready'), null)).status, 503);
    for (const { status, data } of await Promise.all(slow)) assert.ok(status === 200 && data?.['slow']);
    await Promise.all(ofEach);
    for (const count of await Promise.all(clients)) assert.ok(count > 10, `${count} answers over one connection`);
    assert.deepEqual(await own.ended, [0, null]);
    assert.equal(own.lines.filter(({ msg }) => msg === 'drained').length, 2);
  });

  test('a signal that reaches all processes, as from a terminal, lets them finish their requests as well', async () => {
    const own = await startWorkers(place);
    const slow = Array.from({ length: 10 }, () => send(own.url, '{ slow(ms: 1000) }'));
    await sleep(300);
    process.kill(-(own.process.pid ?? 0), 'SIGINT');
    assert.ok((await Promise.all(slow)).every(({ status }) => status === 200));
    assert.deepEqual(await own.ended, [0, null]);
  });

  test('a worker that does not end in time is killed, and the exit status shows it', async () => {
    const own = await startWorkers(place, {
      MERIDIAN_DRAIN_MS: '200',
      MERIDIAN_CLOSE_MS: '200',
      MERIDIAN_LOG_FLUSH_MS: '100',
    });
    process.kill(await workerOf(own.url), 'SIGSTOP');
    const startedMs = performance.now();
    own.process.kill('SIGTERM');
    assert.deepEqual(await own.ended, [1, null]);
    assert.ok(performance.now() - startedMs < 5_000);
    assert.ok(own.lines.some(({ msg }) => msg === 'workers did not end in time; they are killed'));
  });

  test('a second signal to the first process ends all of them at once', async () => {
    const own = await startWorkers(place);
    const slow = send(own.url, '{ slow(ms: 9000) }').then(
      () => 'answered',
      () => 'broken',
    );
    await sleep(300);
    own.process.kill('SIGTERM');
    await sleep(300);
    own.process.kill('SIGTERM');
    assert.deepEqual(await own.ended, [130, null]);
    assert.equal(await slow, 'broken');
  });

  test('workers end when the first process is killed', async () => {
    const own = await startWorkers(place);
    own.process.kill('SIGKILL');
    // By process id it would not be seen where nobody takes note of the end of processes whose parent is gone.
    await until('nobody listens any more', () =>
      send(own.url, '{ slow(ms: 0) }').then(
        () => false,
        ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED',
      ),
    );
  });

  test('an error at start is reported once, in one sentence, with status 1', async () => {
    const start = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const { status, stderr } = await meridian(['start'], {
        cwd: place.folder,
        env: { ...place.env, MERIDIAN_WORKERS: '3', ...env },
      });
      assert.equal(status, 1, stderr);
      return stderr;
    };
    assert.match(
      await start({ REDIS_URL_EU: '', MERIDIAN_WORKERS: '2' }),
      /^[^\n]*workers \(as given\) is 2, but region eu has no Redis through which they hear of changes[^\n]*set REDIS_URL_EU, or run one worker, or say MERIDIAN_CACHE=false[^\n]*\[CONFIG_INVALID\]\n$/s,
    );
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    assert.match(
      await start({ MERIDIAN_PORT: String(port) }),
      new RegExp(`^The server cannot listen: port ${port} on 127.0.0.1 is in use; [^\\n]*\\[CONFIG_INVALID\\]\\n$`),
    );
    taken.close();
    writeFileSync(
      join(place.folder, 'schema', 'wrong.graphql'),
      'type Wrong @entity @key(fields: "id") { id: ID! nope: String }',
    );
    const wrong = await start({});
    assert.equal(wrong.match(/wrong\.graphql:1/g)?.length, wrong.match(/\[SCHEMA_INVALID\]/g)?.length, wrong);
    assert.equal(wrong.match(/\[SCHEMA_INVALID\]/g)?.length, 1, wrong);
  });
});
