/**
 * Owns the claim about herds: a thousand requests at once for one key that nobody has cost one query, in one server and
 * in two.
 */
import { stacksOf } from '../../src/app/layer.ts';
import { openLayer, type BenchLayer } from '../support/databases.ts';
import { reportTable } from '../support/measure.ts';
import { EU } from '../support/regions.ts';
import { readTasks } from '../support/tasks.ts';
import { type Setting } from './setting.ts';

const REQUESTS = 1_000;
const ROUNDS = 40;

interface Round {
  readonly statements: number;
  readonly ms: number;
}

export async function herd({ cluster }: Setting): Promise<void> {
  const rows: [string, number, number, number][] = [];
  {
    await using uncached = await openLayer(cluster, EU, { cache: false });
    rows.push(await rowOf('Meridian without caches', [uncached], 1));
  }
  await using first = await openLayer(cluster, EU);
  rows.push(await rowOf('one server', [first], 1 + ROUNDS));
  // A second server of the same region: it follows the first one, and shares its Redis.
  await using second = await openLayer(cluster, EU);
  rows.push(await rowOf('two servers of the region', [first, second], 1 + 2 * ROUNDS));
  reportTable({
    name: 'cache-herd',
    title: `${REQUESTS} requests at once for one row that nobody has cached, each an operation of its own`,
    columns: ['fewest statements', 'most statements', 'p50 ms for all'],
    rows,
    notes: [
      `${ROUNDS} rows in turn; statements as the servers' own metric counts them`,
      'a second server reads for itself where the first one takes longer than its lease (leaseMs, 50 by default): on a machine that is very busy',
    ],
  });
}

async function rowOf(
  name: string,
  servers: readonly BenchLayer[],
  firstId: number,
): Promise<[string, number, number, number]> {
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await stampede(servers, firstId + i));
  const statements = rounds.map((round) => round.statements);
  return [
    name,
    Math.min(...statements),
    Math.max(...statements),
    rounds.map(({ ms }) => ms).sort((a, b) => a - b)[ROUNDS >> 1] ?? NaN,
  ];
}

async function stampede(servers: readonly BenchLayer[], id: number): Promise<Round> {
  const before = await statementsOf(servers);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: REQUESTS }, async (_, i) => {
      const [row] = await readTasks((servers[i % servers.length] as BenchLayer).layer, [id]);
      if (row === null) throw new Error(`there is no task ${id}`);
    }),
  );
  return { ms: performance.now() - began, statements: (await statementsOf(servers)) - before };
}

/** Statements that reads have sent so far. */
async function statementsOf(servers: readonly BenchLayer[]): Promise<number> {
  const counted = await Promise.all(
    servers.map(async ({ layer }) => (await stacksOf(layer).telemetry.metrics.statements.get()).values),
  );
  return counted
    .flat()
    .filter(({ labels }) => labels.kind === 'read')
    .reduce((sum, { value }) => sum + value, 0);
}
