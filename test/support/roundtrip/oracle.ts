/** Owns asking PostgreSQL itself, over a plain connection that reads nothing but text. */
import pg from 'pg';
import { arrayText, isUnstorable, type Sample } from './sample.ts';
import { isNumber, toJson, type Wire } from './wire.ts';
import { isJson, type ColumnType } from './types.ts';

const AS_TEXT = { getTypeParser: () => (text: unknown) => text };

/** What the database makes of a sample: its text, or why there is none. */
export type Meaning = { readonly text: string | null } | { readonly refusal: string };

export class Oracle {
  readonly #client: pg.Client;
  readonly #canon = new Map<string, string | null>();

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async connect(dsn: string): Promise<Oracle> {
    const client = new pg.Client({ connectionString: dsn, types: AS_TEXT });
    client.on('error', () => undefined);
    await client.connect();
    return new Oracle(client);
  }

  async rows(sql: string, values: readonly unknown[] = []): Promise<Record<string, string | null>[]> {
    return (await this.#client.query<Record<string, string | null>>(sql, [...values])).rows;
  }

  /** What the column would hold, for each sample under its id. */
  async meanings(type: ColumnType, samples: ReadonlyMap<number, Sample>): Promise<Map<number, Meaning>> {
    const storable = [...samples].filter(([, sample]) => !isUnstorable(sample));
    const told = await this.rows(
      `SELECT t.id::text AS id, oracle.kept($1, t.id, t.value) AS refusal FROM unnest($2::bigint[], $3::text[]) AS t (id, value)`,
      [type.name, storable.map(([id]) => id), storable.map(([, { meant }]) => meant)],
    );
    const refusals = new Map(told.map(({ id, refusal }) => [Number(id), refusal ?? null]));
    const texts = await this.texts(`oracle.v_${type.name}`, type, [...samples.keys()]);
    return new Map(
      [...samples].map(([id, sample]): [number, Meaning] => {
        const refusal = isUnstorable(sample) ? 'no database can hold it' : (refusals.get(id) ?? null);
        return [id, refusal === null ? { text: texts.get(id) ?? null } : { refusal }];
      }),
    );
  }

  /** Texts of `v` by id. JSON in the spelling of `jsonb`, which says the same of any two texts that mean the same. */
  async texts(table: string, type: ColumnType, ids: readonly number[]): Promise<Map<number, string | null>> {
    const found = await this.rows(
      `SELECT id::text AS id, ${textSql(type)} AS text FROM ${table} WHERE id = ANY ($1::bigint[])`,
      [ids],
    );
    return new Map(
      found.map(({ id, text }) => [
        Number(id),
        text === null || text === undefined ? null : comparableText(type, text),
      ]),
    );
  }

  /** The one text of what an answer shows; null where the type has no such value. */
  async canon(type: ColumnType, sql: string, text: string): Promise<string | null> {
    const key = `${sql} ${text}`;
    const known = this.#canon.get(key);
    if (known !== undefined) return known;
    const [row] = await this.rows('SELECT oracle.canon($1, $2) AS text', [
      text,
      isJson(type) ? sql.replace(/^jsonb?/, 'jsonb') : sql,
    ]);
    if (this.#canon.size > 50_000) this.#canon.clear();
    const found = row?.['text'] ?? null;
    this.#canon.set(key, found === null ? null : comparableText(type, found));
    return this.#canon.get(key) ?? null;
  }

  /** Why PostgreSQL does not plan a statement; null where it does. */
  async refusalOf(sql: string): Promise<string | null> {
    return this.#client.query(`EXPLAIN ${sql}`).then(
      () => null,
      (error: unknown) => {
        if (error instanceof pg.DatabaseError && error.code?.startsWith('42')) return error.message;
        throw error;
      },
    );
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

/**
 * What a list can show of an array says nothing of where it begins. The two zeros of floating point are equal, and JSON
 * writers know only one.
 */
function comparableText({ graphql, isList }: ColumnType, text: string): string {
  const shown = isList ? text.replace(/^\[[-:\d]+\]=/, '') : text;
  return graphql === 'Float' ? shown.replaceAll(/(?<![\d.e])-0(?![\d.])/g, '0') : shown;
}

export function textSql(type: ColumnType, reference = 'v'): string {
  if (!isJson(type)) return `${reference}::text`;
  return type.isList ? `${reference}::jsonb[]::text` : `${reference}::jsonb::text`;
}

/** Input of the column's type that says what an answer shows; null for null. */
export function shownText(type: ColumnType, value: Wire): string | null {
  if (value === null) return null;
  if (type.isList && Array.isArray(value))
    return arrayText(
      (value as readonly Wire[]).map((item) => entryText(type, item)),
      type.name === 'boxes' ? ';' : ',',
    );
  return entryText(type, value);
}

function entryText(type: ColumnType, value: Wire): string | null {
  if (value === null) return null;
  if (isJson(type)) return toJson(value);
  if (isNumber(value)) return value.rawJSON;
  if (typeof value === 'string') return type.names?.get(value) ?? value;
  return typeof value === 'boolean' ? String(value) : toJson(value);
}
