/**
 * Owns the look into a region's Redis itself: every row in every entry that counts must be the row that the database
 * has.
 */
import pg from 'pg';
import { maxLsn, type Lsn } from '../../src/base/lsn.ts';
import { unpacked } from '../../src/cache/packing.ts';
import { type Entity } from '../../src/model/model.ts';
import { parseEntry } from '../../src/redis/entries.ts';
import { parseState } from '../../src/redis/state.ts';
import { compileApp } from '../support/apps.ts';
import { type HistoryRegion } from './place.ts';
import { shownValue, TABLES, type TableName } from './tables.ts';
import { type Truth } from './truth.ts';

const MOST_BYTES = 1 << 24;

/** The columns of each table's rows, in the order in which entries hold their values. */
export type Layout = ReadonlyMap<TableName, readonly string[]>;

export async function readLayout(dsn: string): Promise<Layout> {
  const client = new pg.Client({ connectionString: dsn });
  await client.connect();
  try {
    const { model } = await compileApp(client, 'workspace');
    const entities: readonly Entity[] = [...model.entities.values()];
    return new Map(
      entities
        .filter(({ name }) => name !== 'Dashboard')
        .map(({ table, columns }) => [table.name as TableName, [...columns.keys()]]),
    );
  } finally {
    await client.end();
  }
}

export interface Contents {
  readonly wrong: readonly string[];
  /** Rows that were compared. */
  readonly rows: number;
  /** Up to where the region's Redis has applied everything; null without a life. */
  readonly watermark: Lsn | null;
}

/** Of every shared cache there: servers that name other tags have one of their own. */
export async function readContents(region: HistoryRegion, layout: Layout, truth: Truth): Promise<Contents> {
  const { redis } = region;
  const all: Contents[] = [];
  for (const key of (await redis?.stateKeys()) ?? []) all.push(await readOne({ region, key, layout, truth }));
  const [first, ...rest] = all;
  return rest.reduce<Contents>(
    (sum, { wrong, rows, watermark }) => ({
      wrong: [...sum.wrong, ...wrong],
      rows: sum.rows + rows,
      watermark:
        sum.watermark === null || (watermark !== null && watermark > sum.watermark) ? watermark : sum.watermark,
    }),
    first ?? { wrong: [], rows: 0, watermark: null },
  );
}

interface One {
  readonly region: HistoryRegion;
  readonly key: string;
  readonly layout: Layout;
  readonly truth: Truth;
}

/** A cache whose last writer is gone claims nothing beyond its own W; what it keeps is right as of that. */
async function readOne({ region: { redis, name }, key: stateKey, layout, truth }: One): Promise<Contents> {
  const members = ((await redis?.command('ZRANGE', stateKey, '0', '-1', 'WITHSCORES')) ?? []) as string[];
  const scores = new Map<string, number>();
  for (let i = 2; i < members.length; i += 2) scores.set(members[i] ?? '', Number(members[i + 1]));
  const state = members[1] === '-inf' ? parseState(members[0] ?? '') : null;
  if (redis === null || state === null) return { wrong: [], rows: 0, watermark: null };
  const wrong: string[] = [];
  let rows = 0;
  const prefix = `${stateKey.slice(0, -'state'.length)}${state.epoch}:`;
  for (const key of (await redis.command('KEYS', `${prefix.replaceAll(/[[\]*?\\]/g, '\\$&')}*`)) as string[]) {
    const tag = key.slice(prefix.length);
    const table = tag.slice(tag.indexOf('.') + 1, tag.indexOf('|')) as TableName;
    const columns = layout.get(table);
    const tombstone = Math.max(scores.get(tag) ?? 0, -(scores.get(tag.slice(0, tag.indexOf('|'))) ?? 0));
    const fields = (await redis.command('HGETALL', key)) as string[];
    for (let i = 0; i < fields.length; i += 2) {
      const [field = '', text = ''] = [fields[i], fields[i + 1]];
      const entry = field.startsWith('=') ? parseEntry(text) : null;
      if (entry === null || columns === undefined || Number(entry.asOf) < tombstone) continue;
      // A table may be shown as several types; those of another shape are left out.
      for (const cells of rowsIn(field, JSON.parse(unpacked(entry.body, MOST_BYTES))).filter(
        (row) => row.length === columns.length,
      )) {
        rows += 1;
        const differs = difference({ table, columns, cells, truth, at: maxLsn(entry.asOf, state.watermark) });
        if (differs !== null)
          wrong.push(`Redis of ${name} keeps under ${tag}, as of ${entry.asOf} at W ${state.watermark}: ${differs}`);
      }
    }
  }
  return { wrong, rows, watermark: state.watermark };
}

/** Fields of rows begin with r, of lists and pages with s; counts and "no such row" hold none. */
function rowsIn(field: string, body: unknown): readonly (readonly unknown[])[] {
  if (!Array.isArray(body)) return [];
  return field.startsWith('=r') ? [body as unknown[]] : field.startsWith('=s') ? (body as unknown[][]) : [];
}

interface Kept {
  readonly table: TableName;
  readonly columns: readonly string[];
  readonly cells: readonly unknown[];
  readonly truth: Truth;
  /** What it claims to be right as of. */
  readonly at: Lsn;
}

function difference({ table, columns, cells, truth, at }: Kept): string | null {
  const id = String(cells[columns.indexOf('id')]);
  const row = truth.rowAt(table, id, at);
  if (row === null) return `${table} ${id}, which is not there any more`;
  for (const column of TABLES[table]) {
    const place = columns.indexOf(column);
    if (place < 0) continue;
    const cell = cells[place];
    const kept = cell === null ? null : typeof cell === 'string' ? cell : JSON.stringify(cell);
    const is = shownValue(column, row[column] ?? null);
    if (kept !== is) return `${table} ${id} with ${column} ${kept}, which is ${is}`;
  }
  return null;
}
