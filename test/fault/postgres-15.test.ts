/**
 * Proves the promises on PostgreSQL 15, whose replicas cannot decode: regions use the replay position of their replica
 * instead.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget, type Finding } from '../../src/postgres/check/finding.ts';
import { setupDatabase, type SetupResult } from '../../src/postgres/setup/setup.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { ask, type Answer, type Call } from '../support/app.ts';
import { loadApp } from '../support/apps.ts';
import { meridian } from '../support/command.ts';
import { postgres15 } from '../support/postgres-15.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { startSlowLink, type SlowLink } from '../support/slow-link.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

const binaries = postgres15();
const REGIONS = ['us', 'eu', 'ap'] as const;
type Region = (typeof REGIONS)[number];
/** From eu and ap to the primary, so that waiting for the region's own replica is worth it. */
const RTT_MS = 60;
const TABLES = ['organizations', 'users', 'projects', 'tasks', 'comments'].map((name) => ({ schema: 'public', name }));

const RENAME =
  'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name } token } }';
const NAME = 'query($id: ID!) { user(id: $id) { name } }';
interface Named {
  readonly user: { readonly name: string };
}
interface Health {
  readonly regionHealth: readonly {
    readonly region: string;
    readonly role: string;
    readonly status: string;
    readonly timeline: number | null;
    readonly replicationLagMs: number | null;
    readonly replicationLagBytes: string | null;
    readonly alerts: readonly unknown[];
  }[];
}
interface Line {
  readonly level: string;
  readonly msg: string;
  readonly region: string;
}

describe(
  'PostgreSQL 15',
  {
    skip:
      binaries === null
        ? 'PostgreSQL 15 is not installed, and only root can install it (apt-get install postgresql-15)'
        : false,
  },
  () => {
    let set: ReplicaSet;
    let link: SlowLink;
    let target: DatabaseTarget;
    let setups: readonly SetupResult[];
    const servers = new Map<string, Runtime>();
    const logged: Line[] = [];

    const database = (region: Region): TestServer =>
      (region === 'us' ? set.primary : set.replicas[region === 'eu' ? 0 : 1]) ??
      assert.fail(`no database in ${region}`);
    const server = (region: Region): Runtime => servers.get(region) ?? assert.fail(`no server in ${region}`);
    const gql = <D>(region: Region, query: string, call?: Call): Promise<Answer<D>> =>
      ask<D>(server(region).url, query, call);
    const stacks = (region: Region): ReturnType<typeof stacksOf> => stacksOf(server(region).layer);

    before(async () => {
      set = await startReplicaSet(2, {}, binaries ?? '');
      const client = new pg.Client({ connectionString: set.primary.url });
      await client.connect();
      await loadApp(client, 'workspace', 0.1);
      await client.end();
      await caughtUp('eu', 'ap');
      target = {
        regions: REGIONS.map((name) => ({ name, databaseUrl: database(name).url })),
        tables: TABLES,
        kept: [{ table: { schema: 'public', name: 'tasks' }, version: 'version', key: ['id'] }],
        options: TEST_OPTIONS,
      };
      setups = [await setupDatabase(target), await setupDatabase(target)];
      link = await startSlowLink(set.primary.port, RTT_MS);
      await Promise.all(REGIONS.map(start));
    });
    after(async () => {
      await Promise.allSettled([...servers.values()].map((one) => one.close()));
      await link?.[Symbol.asyncDispose]();
      await set?.[Symbol.asyncDispose]();
    });

    async function start(region: Region): Promise<void> {
      const { port } = new URL(set.primary.url);
      const far = set.primary.url.replace(port, String(link.port));
      const regions = Object.fromEntries(
        REGIONS.map((name) => [name, { databaseUrl: name === 'us' && region !== 'us' ? far : database(name).url }]),
      );
      const telemetry = createTelemetry({
        level: 'debug',
        fields: { region },
        destination: { write: (line) => void logged.push(JSON.parse(line) as Line) },
      });
      const settings = {
        region,
        regions,
        port: 0,
        tokenSecret: 'a secret for tests that is long enough',
        auth: 'none',
        heartbeatMs: 200,
        probeMs: 100,
        slotRetryMs: 100,
        tailRetryMaxMs: 500,
        drainMs: 1_000,
      };
      servers.set(
        region,
        await createServer({ settings, files: readSdlFolder('schema/workspace'), telemetry, isAdmin: () => true }),
      );
    }

    async function caughtUp(...regions: Region[]): Promise<void> {
      const lsn = await set.primary.position();
      await Promise.all(regions.map((region) => database(region).caughtUp(lsn)));
    }

    async function rename(region: Region, id: number, name: string): Promise<string> {
      const answer = await gql<{ updateUser: { user: { name: string }; token: string } }>(region, RENAME, {
        variables: { id, name },
      });
      assert.deepEqual(answer.errors, []);
      assert.equal(answer.data?.updateUser.user.name, name);
      return answer.data?.updateUser.token ?? '';
    }

    async function whilePaused<T>(region: Region, work: () => Promise<T>): Promise<T> {
      await database(region).query('SELECT pg_wal_replay_pause()');
      await until(
        'replay is paused',
        async () =>
          (await database(region).query<{ s: string }>('SELECT pg_get_wal_replay_pause_state() AS s'))[0]?.s ===
          'paused',
      );
      try {
        return await work();
      } finally {
        await database(region).query('SELECT pg_wal_replay_resume()');
        await caughtUp(region);
      }
    }

    /** Writes in eu, 10 at a time, and reads each in ap at once. */
    async function writesSeen(
      count: number,
      withToken: boolean,
    ): Promise<{ seen: number; primary: number; replica: number }> {
      const tally = { seen: 0, primary: 0, replica: 0 };
      const lane = async (number: number): Promise<void> => {
        for (let i = 0; i < count / 10; i += 1) {
          const name = `name ${number} ${i} ${withToken}`;
          const token = await rename('eu', number + 1, name);
          const answer = await gql<Named>('ap', NAME, { variables: { id: number + 1 }, token: withToken ? token : '' });
          assert.deepEqual(answer.errors, []);
          if (answer.data?.user.name === name) tally.seen += 1;
          if (answer.consistency?.servedBy.primary) tally.primary += 1;
          if (answer.consistency?.servedBy.replica) tally.replica += 1;
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, number) => lane(number)));
      return tally;
    }

    const health = async (region: Region): Promise<Health['regionHealth']> => {
      const answer = await gql<Health>(
        region,
        '{ regionHealth { region role status timeline replicationLagMs replicationLagBytes alerts { kind } } }',
      );
      assert.deepEqual(answer.errors, []);
      return answer.data?.regionHealth ?? [];
    };
    const lagOf = async (region: Region, of: Region): Promise<number | null | undefined> =>
      (await health(region)).find((one) => one.region === of)?.replicationLagMs;
    const troubles = (findings: readonly Finding[]): string[] =>
      findings
        .filter(({ severity }) => severity !== 'ok')
        .map(({ region, severity, what }) => `${region} ${severity}: ${what}`);

    it('is set up without slots on replicas, and a second setup changes nothing', async () => {
      const [first, second] = setups;
      assert.deepEqual(
        first?.steps.filter(({ changed }) => changed).map(({ region }) => region),
        ['us', 'us', 'us', 'us', 'us'],
        JSON.stringify(first?.steps),
      );
      for (const region of ['eu', 'ap'])
        assert.match(
          first?.steps.find((step) => step.region === region)?.what ?? '',
          /Needs no slot: .* replay position/,
        );
      assert.deepEqual(
        second?.steps.filter(({ changed }) => changed),
        [],
      );
      const [published] = await set.primary.query('SELECT pubviaroot, pubtruncate FROM pg_publication');
      assert.deepEqual(published, { pubviaroot: true, pubtruncate: true });
      for (const region of ['eu', 'ap'] as const)
        assert.deepEqual(await database(region).query('SELECT FROM pg_replication_slots'), []);
    });

    it('gives its role the rights that it needs, without functions that version 15 does not have', async () => {
      await set.primary.query('CREATE ROLE clerk LOGIN');
      await setupDatabase({ ...target, role: 'clerk' });
      await caughtUp('eu', 'ap');
      const regions = target.regions.map((region) => ({
        ...region,
        databaseUrl: region.databaseUrl.replace('postgres@', 'clerk@'),
      }));
      assert.deepEqual(troubles(await checkDatabase({ ...target, regions })), troubles(await checkDatabase(target)));
    });

    it('passes check without a finding that must be fixed', async () => {
      const findings = await checkDatabase(target);
      assert.deepEqual(troubles(findings).sort(), [
        'ap warn: PostgreSQL 15 cannot decode changes on a replica: this region asks its replica for the replay position instead, and caches nothing.',
        'eu warn: PostgreSQL 15 cannot decode changes on a replica: this region asks its replica for the replay position instead, and caches nothing.',
        'us warn: max_slot_wal_keep_size is unlimited: a tail that stays away lets WAL fill the disk.',
      ]);
      const env = Object.fromEntries([
        ['MERIDIAN_REGIONS', REGIONS.join(',')],
        ...REGIONS.map((region) => [`DB_URL_${region.toUpperCase()}`, database(region).url]),
      ]) as Record<string, string>;
      const { status, stdout, stderr } = await meridian(['check', '--schema', 'schema/workspace'], { env });
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^eu +warn +PostgreSQL 15 cannot decode .* replay position instead/m);
      assert.match(stdout, /^Ready: 0 errors, 3 warnings\.$/m);
    });

    it('needs no replica setting that only decoding needs', async () => {
      await using plain = await startReplicaSet(
        1,
        { wal_level: 'replica', hot_standby_feedback: 'off' },
        binaries ?? '',
      );
      await plain.replicas[0]?.query(`ALTER SYSTEM SET primary_slot_name = ''`);
      const regions = [
        { name: 'us', databaseUrl: plain.primary.url },
        { name: 'eu', databaseUrl: plain.replicas[0]?.url ?? '' },
      ];
      const findings = await checkDatabase({ regions, tables: [], options: TEST_OPTIONS });
      assert.deepEqual(
        troubles(findings).filter((one) => one.startsWith('eu error')),
        [],
      );
      assert.ok(troubles(findings).some((one) => /^us error: wal_level is replica/.test(one)));
      assert.ok(
        troubles(findings).some((one) => /^eu warn: wal_level is replica.*promoted/.test(one)),
        JSON.stringify(troubles(findings)),
      );
    });

    it('serves the reference application in every region', async () => {
      const query =
        '{ dashboard(organizationId: 1) { openTasks doneTasks latestProjects { name owner { name } } latestTasks { title assignee { name } } } }';
      const answers = await Promise.all(REGIONS.map((region) => gql<object>(region, query, { token: '' })));
      for (const answer of answers) assert.deepEqual(answer.errors, []);
      assert.deepEqual(answers[1]?.data, answers[0]?.data);
      assert.deepEqual(answers[2]?.data, answers[0]?.data);
      assert.deepEqual(
        answers.slice(1).map(({ consistency }) => consistency?.servedBy.primary),
        [0, 0],
      );
    });

    it('delivers changes at the primary, and each replica logs once that it cannot decode them', async () => {
      await until('the primary is followed', () => stacks('us').change.tail.state.kind === 'streaming');
      assert.deepEqual(
        [stacks('eu').change.tail.state.kind, stacks('ap').change.tail.state.kind],
        ['unsupported', 'unsupported'],
      );
      const changes = async (): Promise<number> =>
        (await stacks('us').telemetry.metrics.tailChanges.get()).values[0]?.value ?? 0;
      const before = await changes();
      await rename('ap', 30, 'followed');
      await until('the change is delivered', async () => (await changes()) > before);
    });

    it('advances an idle primary by heartbeats, which need no flush of their own', async () => {
      const from = { flushed: await set.primary.position(), applied: stacks('us').change.applied.lsn ?? 0n };
      await until(
        'the heartbeat is flushed, and decoded at the primary',
        async () =>
          (await set.primary.position()) > from.flushed && (stacks('us').change.applied.lsn ?? 0n) > from.flushed,
      );
      await until('a replica shows it', () => (stacks('eu').change.replayed.lsn ?? 0n) > from.flushed);
      assert.deepEqual(
        (await stacks('us').telemetry.metrics.heartbeatFailures.get()).values.map(({ value }) => value),
        [0],
      );
    });

    it('shows 200 of 200 writes with their token, normally from the replica', async () => {
      const { seen, replica } = await writesSeen(200, true);
      assert.equal(seen, 200);
      assert.ok(replica > 100, `only ${replica} reads were answered by the region's replica`);
    });

    it('makes a read wait for its replica where the primary is farther away than the replica is behind', async () => {
      await database('ap').query(`ALTER SYSTEM SET recovery_min_apply_delay = '30ms'`);
      await database('ap').query('SELECT pg_reload_conf()');
      try {
        const waited: number[] = [];
        for (let i = 0; i < 10; i += 1) {
          const token = await rename('us', 31, `awaited ${i}`);
          const answer = await gql<Named>('ap', NAME, { variables: { id: 31 }, token });
          assert.equal(answer.data?.user.name, `awaited ${i}`);
          if (answer.consistency?.servedBy.replica === 1) waited.push(answer.consistency.waitedMs);
        }
        assert.ok(waited.filter((ms) => ms > 0).length >= 3, `waits that the replica ended: ${waited.join(', ')} ms`);
      } finally {
        await database('ap').query('ALTER SYSTEM RESET recovery_min_apply_delay');
        await database('ap').query('SELECT pg_reload_conf()');
      }
    });

    it('answers from the primary while replay is paused, and shows the anomaly without a token', async () => {
      await whilePaused('ap', async () => {
        assert.deepEqual(await writesSeen(40, true), { seen: 40, primary: 40, replica: 0 });
        assert.deepEqual(await writesSeen(20, false), { seen: 0, primary: 0, replica: 20 });
      });
    });

    it('keeps the promises of STRONG, BOUNDED and SNAPSHOT', async () => {
      const at = (level: string): Promise<Answer<Named>> =>
        gql<Named>('ap', `query @consistent(${level}) { user(id: 32) { name } }`);
      const levels = [
        'level: STRONG',
        'level: SNAPSHOT',
        'level: BOUNDED, maxLagMs: 300',
        'level: BOUNDED, maxLagMs: 600000',
      ];
      await rename('us', 32, 'before');
      await caughtUp('ap');
      for (const level of levels) {
        const { data, consistency, errors } = await at(level);
        assert.deepEqual([errors, data?.user.name], [[], 'before'], level);
        assert.equal(consistency?.servedBy.replica, 1, `${level}: ${JSON.stringify(consistency)}`);
      }
      await whilePaused('ap', async () => {
        await rename('us', 32, 'after');
        await until('ap is behind', () => (stacks('ap').health.monitor.stalenessMs() ?? 0) > 400);
        for (const level of levels.slice(0, 3)) {
          const { data, consistency } = await at(level);
          assert.deepEqual(
            [data?.user.name, consistency?.servedBy],
            ['after', { cache: 0, replica: 0, primary: 1 }],
            level,
          );
        }
        const within = await at(levels[3] ?? '');
        assert.deepEqual([within.data?.user.name, within.consistency?.servedBy.replica], ['before', 1]);
        assert.ok((within.consistency?.staleness ?? 0) > 300, 'staleness is true');
      });
    });

    it('reports lag 0 while nothing is behind, and the true lag while replay is paused, from every region', async () => {
      // What was paused before shows as such until the next probe.
      for (const region of REGIONS)
        await until(`${region} sees ap caught up`, async () => (await lagOf(region, 'ap')) === 0);
      for (let i = 0; i < 10; i += 1) {
        for (const region of REGIONS)
          assert.deepEqual(
            (await health(region)).map(({ role, status, replicationLagMs, alerts }) => [
              role,
              status,
              replicationLagMs,
              alerts,
            ]),
            [
              ['PRIMARY', 'HEALTHY', 0, []],
              ['REPLICA', 'HEALTHY', 0, []],
              ['REPLICA', 'HEALTHY', 0, []],
            ],
            region,
          );
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await whilePaused('ap', async () => {
        const began = performance.now();
        for (const limit of [400, 800]) {
          for (const region of REGIONS)
            await until(`${region} sees ap ${limit} ms behind`, async () => ((await lagOf(region, 'ap')) ?? 0) > limit);
        }
        const took = performance.now() - began;
        assert.ok(
          took > 300 && ((await lagOf('eu', 'ap')) ?? 0) < took + 1_500,
          `the lag is the time since the pause, not more: ${await lagOf('eu', 'ap')} ms after ${took} ms`,
        );
        assert.equal(await lagOf('ap', 'eu'), 0);
        assert.ok(Number((await health('us')).find(({ region }) => region === 'ap')?.replicationLagBytes) > 0);
      });
      for (const region of REGIONS)
        await until(`${region} sees ap caught up`, async () => (await lagOf(region, 'ap')) === 0);
    });

    it('has caused no unexpected warning or error in any log before this test', () => {
      const warnings = logged.filter(({ level }) => level === 'warn' || level === 'error' || level === 'fatal');
      assert.deepEqual(
        warnings.map(({ region, msg }) => `${region} ${msg.split(':')[0]}`).sort(),
        ['ap', 'eu'].map((region) => `${region} This replica runs PostgreSQL 15 or older, which cannot decode changes`),
      );
      // A statement that 15 does not know would show here, however quietly it was dealt with.
      for (const region of REGIONS) assert.doesNotMatch(database(region).log, /ERROR|PANIC/, region);
    });

    it('settles conflicts, and executes a request with a key once', async () => {
      const edit = (
        region: Region,
        input: object,
        headers: Record<string, string> = {},
      ): Promise<Answer<{ updateTask: { task: { version: number; labels: string[] } | null } }>> =>
        gql(
          region,
          'mutation ($input: UpdateTaskInput!) { updateTask(id: 3, expectedVersion: 1, input: $input) { task { version labels } conflict { reason } } }',
          { variables: { input }, headers },
        );
      const [{ labels }] = (await set.primary.query<{ labels: string[] }>('SELECT labels FROM tasks WHERE id = 3')) as [
        { labels: string[] },
      ];
      await edit('eu', { labels: [...labels, 'eu'] });
      const merged = await edit('ap', { labels: [...labels, 'ap'] }, { 'idempotency-key': 'on fifteen' });
      assert.deepEqual(
        [merged.errors, merged.data?.updateTask.task],
        [[], { version: 3, labels: [...labels, 'eu', 'ap'] }],
      );
      assert.deepEqual(
        (await edit('us', { labels: [...labels, 'ap'] }, { 'idempotency-key': 'on fifteen' })).data,
        merged.data,
      );
      assert.deepEqual(await set.primary.query('SELECT outcome, winner FROM meridian.conflicts'), [
        { outcome: 'MERGED', winner: 'BOTH' },
      ]);
    });

    it('follows a failover to the new primary, reports the lost write, and keeps tokens of surviving writes valid', async () => {
      const kept = await rename('us', 33, 'kept');
      await caughtUp('eu', 'ap');
      for (const replica of set.replicas) replica.link?.cut();
      const lost = await rename('us', 33, 'lost');
      await set.primary.stop('SIGQUIT');
      await database('ap').query('SELECT pg_promote(true, 10)');
      for (const region of ['eu', 'ap'] as const)
        await until(
          `${region} knows its primary and history`,
          () => stacks(region).health.monitor.primary === 'ap' && stacks(region).health.monitor.history?.timeline === 2,
        );
      for (const region of ['eu', 'ap'] as const) {
        const answer = await gql<Named>(region, NAME, { variables: { id: 33 }, token: lost });
        assert.equal(answer.errors[0]?.extensions.code, 'CONSISTENCY_LOST', JSON.stringify(answer));
        assert.equal((await gql<Named>(region, NAME, { variables: { id: 33 }, token: kept })).data?.user.name, 'kept');
      }
      const token = await rename('eu', 33, 'after');
      for (const region of ['eu', 'ap'] as const)
        assert.equal((await gql<Named>(region, NAME, { variables: { id: 33 }, token })).data?.user.name, 'after');
      await until('the new primary is followed', () => stacks('ap').change.tail.state.kind === 'streaming');
      assert.equal(stacks('eu').change.tail.state.kind, 'unsupported');
      const seen = await health('eu');
      assert.deepEqual(seen.map(({ role, status }) => [role, status]).slice(1), [
        ['REPLICA', 'HEALTHY'],
        ['PRIMARY', 'HEALTHY'],
      ]);
      assert.equal(seen[2]?.timeline, 2);
    });
  },
);
