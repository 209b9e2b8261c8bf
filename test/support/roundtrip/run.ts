/**
 * Owns a whole run: an application over every column type in two regions with Redis, and turns of every type until
 * enough values went through.
 */
import { stacksOf } from '../../../src/app/layer.ts';
import { seeded } from '../random.ts';
import { EU, JWT_SECRET, startTestApp, TOKEN_SECRET, US, type TestApp } from '../app.ts';
import { until } from '../observe.ts';
import { parseLsn } from '../../../src/base/lsn.ts';
import { type SdlFile } from '../../../src/schema-compiler/files.ts';
import { createServer } from '../../../src/index.ts';
import { compileSchema } from '../../../src/app/schema.ts';
import { createTelemetry } from '../../../src/telemetry/telemetry.ts';
import { Oracle } from './oracle.ts';
import { addUp, conflict, echo, MOST_ROWS } from './places-conflict.ts';
import { findBy, makeKeys } from './places-find.ts';
import { refuseAtStart } from './places-start.ts';
import { readBack, readBatches, type Kept } from './places-read.ts';
import { relate, walk } from './places-walk.ts';
import { enter, WRITE_PLACES, type Held } from './places-write.ts';
import { Report } from './report.ts';
import { schemaSql, sdlOf } from './schema.ts';
import { Trip, type Servers } from './trip.ts';
import { TYPES } from './types.ts';

export interface RunOptions {
  readonly seed: number;
  /** At least so many values, and every type at least once. */
  readonly values: number;
  /** Samples at each place in one turn of a type. */
  readonly samples?: number;
  /** Only these types, by name. */
  readonly only?: readonly string[];
  /** Only so many types, chosen by the seed. */
  readonly some?: number;
  readonly onProgress?: (line: string) => void;
}

/** Limits that a run of large requests would meet, and intervals at which caches learn of changes. */
const SETTINGS = {
  maxQueryTokens: 1_000_000,
  maxMutations: 10_000,
  maxAnswerValues: 100_000_000,
  maxPageSize: 10_000,
  maxLoaders: 10_000,
  maxRequestBytes: 1 << 28,
  maxQueryDepth: 50,
  heartbeatMs: 100,
  forwardMs: 60_000,
  transactionMs: 60_000,
};

export async function runRoundTrips({
  seed,
  values,
  samples = 12,
  only = [],
  some,
  onProgress = () => undefined,
}: RunOptions): Promise<Report> {
  const random = seeded(seed);
  const named = TYPES.filter(({ name }) => only.length === 0 || only.includes(name));
  const types = some === undefined ? named : random.shuffled(named).slice(0, some);
  // Each of the two extensions lies outside of the search path in every other run.
  const outside = seed % 2 === 0 ? 'citext' : 'hstore';
  const report = new Report();
  const files = [{ name: 'trip.graphql', body: sdlOf(types) }];
  await using app = await startTestApp({
    files,
    sql: schemaSql(types, outside),
    regions: [US, EU],
    redis: true,
    forwarding: true,
    settings: SETTINGS,
    server: { conflicts: { echo } },
  });
  const oracle = await Oracle.connect(app.cluster.primary.dsn);
  const servers = await serversOf(app, files);
  let last = 0;
  let told = 0;
  try {
    await oracle.rows('SET search_path = public, extensions');
    await refuseAtStart({
      types,
      oracle,
      report,
      outside,
      compile: (files) =>
        compileSchema({
          config: stacksOf(app.server(US).layer).config,
          files,
          resolvers: {},
          log: createTelemetry({ level: 'silent' }).log,
        }),
    });
    for (let round = 0; round === 0 || report.values < values; round += 1) {
      for (const type of types) {
        await turn(
          new Trip({
            type,
            servers,
            oracle,
            report,
            random,
            outside,
            adminToken: app.adminToken,
            next: () => (last += 1),
          }),
          samples,
        );
        onProgress(`${type.name}: ${report.values} values, ${report.checks} checks, ${report.wrong} wrong`);
        for (const { kind, place, value, expected, got } of report.findings.slice(told)) {
          onProgress(`    ${kind} at ${place}: value ${value}, expected ${expected}, got ${got}`);
        }
        told = report.findings.length;
        if (round > 0 && report.values >= values) break;
      }
    }
  } finally {
    await servers[Symbol.asyncDispose]();
    await oracle.end();
  }
  return report;
}

/** Another process of the replica's region, as far as caches go: it has its own, and the region's Redis. */
async function serversOf(app: TestApp, files: readonly SdlFile[]): Promise<Servers & AsyncDisposable> {
  const { config } = stacksOf(app.server(EU).layer);
  const regions = Object.fromEntries(
    config.regions.map(({ name, databaseUrl, redisUrl }) => [
      name,
      { databaseUrl, ...(redisUrl === null ? {} : { redisUrl }) },
    ]),
  );
  const beside = await createServer({
    files,
    conflicts: { echo },
    telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region: EU } }),
    settings: {
      region: EU,
      regions,
      port: 0,
      tokenSecret: TOKEN_SECRET,
      jwtSecret: JWT_SECRET,
      drainMs: 1_000,
      ...SETTINGS,
    },
  });
  const replicas = [app.server(EU), beside];
  return {
    primary: app.server(US).url,
    replica: app.server(EU).url,
    beside: beside.url,
    caughtUp: async () => {
      const [at] = await app.cluster.query<{ lsn: string }>(US, 'SELECT pg_current_wal_insert_lsn()::text AS lsn');
      const lsn = parseLsn(at?.lsn ?? '');
      await until(
        `the caches of ${EU} have come to ${at?.lsn}`,
        () => replicas.every(({ layer }) => (stacksOf(layer).change.caching.watermark ?? 0n) >= lsn),
        { withinMs: 30_000, everyMs: 5 },
      );
    },
    [Symbol.asyncDispose]: () => beside.close(),
  };
}

/** Rows of values that psql alone writes. */
async function hold(trip: Trip): Promise<Kept[]> {
  const {
    type,
    parts: { oracle, next },
  } = trip;
  const batch = next();
  const rows = type.held.map((text) => ({ id: next(), batch, text, isHeld: true }));
  for (const { id, text } of rows)
    await oracle.rows(`INSERT INTO v_${type.name} (id, batch, v) VALUES ($1, $2, $3)`, [id, batch, text]);
  const texts = await oracle.texts(
    `v_${type.name}`,
    type,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({ ...row, text: texts.get(row.id) ?? null }));
}

/** Everything that is done with one type. */
async function turn(trip: Trip, samples: number): Promise<void> {
  const {
    type,
    parts: { random, oracle, servers, next },
  } = trip;
  const held: Held[] = [];
  const fresh = () => Array.from({ length: samples }, () => type.generate(random));
  for (const place of WRITE_PLACES) held.push(...(await enter(trip, place, fresh())));
  const kept: Kept[] = [...held, ...(await hold(trip))];
  await servers.caughtUp();
  await readBack(trip, kept);
  await readBatches(trip, kept);
  const batch = held[0]?.batch ?? next();
  await makeKeys(trip, batch);
  await servers.caughtUp();
  const looked = [...held.filter((row) => row.batch === batch).map(({ sample }) => sample), ...fresh()];
  await findBy(trip, looked, batch);
  await walk(trip, batch);
  await relate(trip, batch);
  const unused = random.shuffled(held.filter((row) => row.batch !== batch && row.isFirst));
  await conflict(trip, unused.slice(MOST_ROWS));
  await addUp(trip, unused.slice(0, MOST_ROWS));
  await oracle.rows(`TRUNCATE v_${type.name}, oracle.v_${type.name}`);
}
