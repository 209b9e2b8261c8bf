/**
 * Owns the example applications as tests load them: their SQL files in order, their SDL, and a plain query over a
 * client.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';
import { compileModel, type CompiledSchema } from '../../src/schema-compiler/compile.ts';
import { readSdlFolder, type SdlFile } from '../../src/schema-compiler/files.ts';
import { explainProblem, readCatalog, type PlainQuery } from '../../src/postgres/types/catalog.ts';

export type App = 'workspace' | 'music' | 'workspace/subgraphs/accounts' | 'workspace/subgraphs/work';

export function plainQuery(client: pg.Client): PlainQuery {
  return async (text, values) => (await client.query<Record<string, unknown>>(text, [...(values ?? [])])).rows;
}

/** Runs an application's SQL files by name; `scale` as `--scale` has it. */
export async function loadApp(client: pg.Client, app: App, scale = 1): Promise<void> {
  await client.query("SELECT set_config('meridian.scale', $1, false)", [String(scale)]);
  const folder = new URL(`../../schema/${app}/`, import.meta.url);
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort())
    await client.query(readFileSync(new URL(name, folder), 'utf8'));
}

/** Compiles an application's SDL, or other files, against the database that `client` is connected to. */
export async function compileApp(
  client: pg.Client,
  app: App,
  files: readonly SdlFile[] = readSdlFolder(new URL(`../../schema/${app}/`, import.meta.url).pathname),
): Promise<CompiledSchema> {
  const query = plainQuery(client);
  return compileModel({
    files,
    catalog: await readCatalog(query),
    checkStatement: (sql) => explainProblem(query, sql),
    pageSize: 20,
    maxPageSize: 200,
  });
}
