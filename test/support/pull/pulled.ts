/** Owns pulling from a throw-away database in tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { pulledOf, type ReadDatabase } from '../../../src/cli/pull-database.ts';
import { type PullOptions } from '../../../src/introspection/request.ts';
import { type PulledSchema } from '../../../src/introspection/write.ts';
import { readCatalog } from '../../../src/postgres/types/catalog.ts';
import { readNotes } from '../../../src/postgres/types/notes.ts';
import { type SdlFile } from '../../../src/schema-compiler/files.ts';
import { plainQuery } from '../apps.ts';

export const ODD_SQL = fileURLToPath(new URL('odd.sql', import.meta.url));
export const oddSql = (): string => readFileSync(ODD_SQL, 'utf8');

export const ALL: PullOptions = { schemas: null, include: [], exclude: [], mutations: false };

export async function readFrom(client: pg.Client): Promise<ReadDatabase> {
  const query = plainQuery(client);
  const catalog = await readCatalog(query);
  return { catalog, notes: await readNotes(query, catalog) };
}

export async function pullFrom(client: pg.Client, options: Partial<PullOptions> = {}): Promise<PulledSchema> {
  return pulledOf(await readFrom(client), { ...ALL, ...options });
}

export function filesOf({ files }: PulledSchema): SdlFile[] {
  return [...files].map(([name, body]) => ({ name, body }));
}

export function urlOf({ host, port }: pg.Client, database = 'postgres'): string {
  return `postgres://postgres@${host}:${port}/${database}`;
}
