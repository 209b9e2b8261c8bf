/**
 * Proves that `meridian dev --federated` runs subgraphs on clusters of their own behind a gateway in each region,
 * restarts processes that end, and leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readManifest } from '../../src/dev/manifest.ts';
import { freeBlock } from '../support/ports.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { aliveOf, DevFolder, pidsOf, ROOT, type DevRun } from '../support/dev.ts';
import { until } from '../support/observe.ts';

const READY_MS = 150_000;
const BACK_MS = 60_000;
const GONE_MS = 10_000;
const hasRedis = findRedis() !== null;
/** Two subgraphs with a server, a database and maybe a Redis in each of three regions, and three gateways. */
const PROCESSES = 2 * 3 * (hasRedis ? 3 : 2) + 3;
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const WORKSPACE = join(ROOT, 'schema/workspace');

describe('meridian dev --federated', { timeout: 600_000 }, () => {
  let folder: DevFolder;
  let portsFrom: number;
  const state = (): string => join(folder.path, '.meridian');

  before(async () => {
    folder = new DevFolder();
    portsFrom = await freeBlock();
  });
  after(() => folder.remove());

  function federated(application: string, ...more: readonly string[]): DevRun {
    return folder.dev(
      '--schema',
      application,
      '--sql',
      application,
      '--federated',
      '--ports-from',
      String(portsFrom),
      ...more,
    );
  }

  it('runs both subgraphs of the reference application in three regions, and stops in order', async () => {
    const run = federated(WORKSPACE, '--scale', '0.05');
    await run.ready(READY_MS);
    const manifest = readManifest(state());
    assert.equal(statSync(join(state(), 'cluster.json')).mode & 0o777, 0o600);
    assert.deepEqual(manifest.regions, []);
    assert.deepEqual(
      manifest.gateways.map(({ region, graphql }) => [region, graphql]),
      ['us-east-1', 'eu-west-1', 'ap-northeast-1'].map((region, i) => [
        region,
        `http://127.0.0.1:${portsFrom + 1 + i}/graphql`,
      ]),
    );
    const urls = (first: number): string[] => [1, 2, 3].map((i) => `http://127.0.0.1:${portsFrom + first + i}/graphql`);
    assert.deepEqual(
      manifest.subgraphs.map(({ name, regions }) => [name, regions.map(({ graphql }) => graphql)]),
      [
        ['accounts', urls(10)],
        ['work', urls(20)],
      ],
    );
    assert.deepEqual(
      manifest.subgraphs.map(({ regions }) => regions.map(({ role }) => role)),
      Array.from({ length: 2 }, () => ['primary', 'replica', 'replica']),
    );
    assert.equal(aliveOf(manifest).length, PROCESSES);
    assert.match(run.out(), /REGION +GATEWAY .*\nus-east-1 +http.* 80 ms +150 ms\n/);
    assert.match(run.out(), /\nwork +eu-west-1 +replica +http/);
    const supergraph = readFileSync(manifest.supergraph ?? '', 'utf8');
    for (const [i, port] of [portsFrom + 11, portsFrom + 21].entries())
      assert.match(
        supergraph,
        new RegExp(
          `@join__graph\\(\\s*name: "${['accounts', 'work'][i]}",?\\s*url: "http://127\\.0\\.0\\.1:${port}/graphql"`,
        ),
      );

    if (hasCurl) {
      const [written, page, health] = run.tryLines();
      assert.deepEqual(written?.data, {
        user: { name: 'Ada Lovelace', version: 2 },
        task: { title: 'Greet the analytical engine', assignee: { name: 'Ada Lovelace' } },
      });
      const { organization, latestTasks } = page?.data?.['dashboard'] as {
        organization: { name: string };
        latestTasks: { assignee: { name: string } | null }[];
      };
      assert.equal(page?.errors, undefined);
      assert.notEqual(organization.name, '');
      assert.ok(
        latestTasks.some(({ assignee }) => assignee !== null),
        'users of the other subgraph',
      );
      assert.equal(health?.errors, undefined);
      const seen = (health?.data?.['regionHealth'] as { subgraph: string; region: string }[]).map(
        ({ subgraph, region }) => `${subgraph} ${region}`,
      );
      assert.deepEqual(
        seen.sort(),
        ['accounts', 'work'].flatMap((name) =>
          ['ap-northeast-1', 'eu-west-1', 'us-east-1'].map((region) => `${name} ${region}`),
        ),
      );
    }

    const cut = folder.meridian('wan', 'cut', 'us-east-1', 'eu-west-1', '--kind', 'http');
    for (const name of ['accounts', 'work'])
      assert.match(cut, new RegExp(`^${name} +us-east-1 +eu-west-1 +http +cut`, 'm'));
    assert.match(folder.meridian('wan', 'heal', 'us-east-1', 'eu-west-1'), /^work +eu-west-1 +us-east-1 +http +up/m);

    run.process.kill('SIGTERM');
    const [code] = (await once(run.process, 'exit')) as [number];
    assert.equal(code, 0, run.err());
    assert.deepEqual(aliveOf(manifest), []);
    assert.ok(!existsSync(join(state(), 'cluster.json')));
  });

  it('starts again on the same data, restarts a gateway and a server that were killed, and leaves nothing after kill -9', async () => {
    const run = federated(WORKSPACE, '--scale', '0.05', '--wan', 'off');
    await run.ready(READY_MS);
    assert.doesNotMatch(run.err(), /loading/);
    const manifest = readManifest(state());
    const [, gateway] = manifest.gateways;
    const ask = async (query: string): Promise<unknown> => {
      const response = await fetch(gateway?.graphql ?? '', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return ((await response.json()) as { data?: unknown }).data;
    };
    const query = '{ user(id: 1) { version assignedTasks(first: 1) { nodes { assignee { id } } } } }';
    const expected = { user: { version: hasCurl ? 2 : 1, assignedTasks: { nodes: [{ assignee: { id: '1' } }] } } };
    assert.deepEqual(await ask(query), expected);

    process.kill(gateway?.pid ?? 0, 'SIGKILL');
    process.kill(manifest.subgraphs[1]?.regions[1]?.pids.server ?? 0, 'SIGKILL');
    for (const what of ['The gateway of eu-west-1', 'The server of work in eu-west-1'])
      await until(what, () => run.err().includes(`${what} is back.`), { withinMs: BACK_MS });
    const fixed = await until('everything is named again', () =>
      pidsOf(readManifest(state())).length === PROCESSES ? readManifest(state()) : null,
    );
    assert.notEqual(fixed.gateways[1]?.pid, gateway?.pid);
    assert.equal(aliveOf(fixed).length, PROCESSES);
    assert.deepEqual(await ask(query), expected);

    run.process.kill('SIGKILL');
    await until('nothing is left', () => aliveOf(fixed).length === 0 && !existsSync(join(state(), 'cluster.json')), {
      withinMs: GONE_MS,
    });
  });

  it('runs any subgraphs, and loads them again on request', { skip: hasCurl ? false : 'needs curl' }, async () => {
    const application = applicationOf({ people: PEOPLE, places: PLACES });
    const small = ['--regions', 'north,south', '--wan', 'off', '--database', 'atlas', '--data', '.atlas'];
    for (const again of [[], ['--reset']]) {
      const run = federated(application, ...small, ...again);
      await run.ready(READY_MS);
      assert.match(run.err(), /loading .*places/);
      const [read, strong] = run.tryLines();
      assert.deepEqual(
        [read?.data, read?.errors],
        [{ a1: { id: '1', name: 'Ada' }, a2: { id: '1', title: 'London' } }, undefined],
      );
      assert.deepEqual(strong?.data, read?.data);
      run.process.kill('SIGINT');
      await once(run.process, 'exit');
    }
  });

  it('names what is wrong with a graph, and in which subgraph', async () => {
    const alone = ['--regions', 'here', '--redis', 'off', '--data', '.wrong'];
    const clash = applicationOf({
      people: PEOPLE,
      places: {
        ...PLACES,
        sdl: PLACES.sdl.replace('place(id: ID!): Place', 'place(id: ID!): Place\n  person(id: ID!): Place'),
      },
    });
    const composed = await federated(clash, ...alone).failure();
    assert.match(composed, /The subgraphs people, places do not compose into one graph, which has \d+ problems?:\n/);
    assert.match(composed, /Query\.person.*; .* \((FIELD_TYPE_MISMATCH|INVALID_FIELD_SHARING)\)/);
    const wrong = applicationOf({
      people: PEOPLE,
      places: { ...PLACES, sdl: PLACES.sdl.replace('title: String!', 'titel: String!') },
    });
    assert.match(
      await federated(wrong, ...alone, '--reset').failure(),
      /Subgraph places: The schema has one problem:\n {2}places\.graphql:\d+ .*titel/,
    );
    assert.match(
      await federated(join(ROOT, 'schema/music'), ...alone).failure(),
      /--federated looks for subgraphs in .*music\/subgraphs, which cannot be read/,
    );
    assert.match(
      await federated(WORKSPACE, ...alone, '--resolvers', 'x.ts').failure(),
      /--resolvers is for an application in one; .* resolvers\.ts/,
    );
    const busy = createServer().listen(portsFrom + 1, '127.0.0.1');
    await once(busy, 'listening');
    assert.match(
      await federated(WORKSPACE, ...alone).failure(),
      new RegExp(`Port ${portsFrom + 1} \\(the gateway of here\\) is in use by another process`),
    );
    busy.close();
  });

  interface Subgraph {
    readonly sdl: string;
    readonly sql: string;
  }

  function applicationOf(subgraphs: Readonly<Record<string, Subgraph>>): string {
    const application = join(folder.path, `application-${(applications += 1)}`);
    for (const [name, { sdl, sql }] of Object.entries(subgraphs)) {
      const own = join(application, 'subgraphs', name);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, `${name}.graphql`), sdl);
      writeFileSync(join(own, '001.sql'), sql);
    }
    return application;
  }
});

let applications = 0;
const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])\n';
const PEOPLE = {
  sdl: `${LINK}type Query {\n  person(id: ID!): Person\n}\ntype Person @entity(table: "people") @key(fields: "id") {\n  id: ID!\n  name: String!\n}\n`,
  sql: `CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL); INSERT INTO people VALUES (1, 'Ada');`,
};
const PLACES = {
  sdl: `${LINK}type Query {\n  place(id: ID!): Place\n}\ntype Place @entity @key(fields: "id") {\n  id: ID!\n  title: String!\n}\n`,
  sql: `CREATE TABLE places (id bigint PRIMARY KEY, title text NOT NULL); INSERT INTO places VALUES (1, 'London');`,
};
