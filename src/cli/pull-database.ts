/** Owns what `meridian pull` reads of a database: its catalog, in one transaction that cannot write. */
import { Kind } from 'graphql';
import { MeridianError, isMeridianError, messageOf } from '../base/errors.ts';
import { type Catalog } from '../model/catalog.ts';
import { type CatalogNotes } from '../model/notes.ts';
import { pullSchema, type PulledSchema } from '../introspection/write.ts';
import { matches, type PullOptions } from '../introspection/request.ts';
import { closeClient, openClient } from '../postgres/connect/open.ts';
import { readCatalog, type PlainQuery } from '../postgres/types/catalog.ts';
import { readNotes } from '../postgres/types/notes.ts';
import { builtInDefinitions } from '../schema-compiler/files.ts';

const CONNECT_MS = 10_000;
const STATEMENT_MS = 60_000;

/** GraphQL's own types, and what federation adds. */
const TAKEN = ['Query', 'Mutation', 'Subscription', 'ID', 'Int', 'String', 'Float', 'Boolean', 'FieldSet', 'PageInfo'];

export interface ReadDatabase {
  readonly catalog: Catalog;
  readonly notes: CatalogNotes;
}

/** Throws `REGION_UNAVAILABLE` where no server answers, `FORBIDDEN` where it refuses the role. */
export async function readDatabase(databaseUrl: string): Promise<ReadDatabase> {
  let client: Awaited<ReturnType<typeof openClient>>;
  try {
    client = await openClient({
      databaseUrl,
      applicationName: 'meridian pull',
      connectMs: CONNECT_MS,
      statementMs: STATEMENT_MS,
    });
  } catch (error) {
    if (isMeridianError(error)) throw error;
    const isRefused = error instanceof Error && 'code' in error && /^(28|3D|42501)/.test(String(error.code));
    throw new MeridianError({
      code: isRefused ? 'FORBIDDEN' : 'REGION_UNAVAILABLE',
      message: isRefused
        ? `The database refuses the connection (${messageOf(error)}); correct user, password or database of --database.`
        : `The database cannot be reached (${messageOf(error)}); start it, or correct the host and port of --database.`,
      cause: error,
    });
  }
  try {
    const query: PlainQuery = async (text, values) =>
      (await client.query<Record<string, unknown>>(text, values ? [...values] : undefined)).rows;
    await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const catalog = await readCatalog(query);
    const notes = await readNotes(query, catalog);
    await query('COMMIT');
    return { catalog, notes };
  } finally {
    await closeClient(client);
  }
}

/** Throws `BAD_USER_INPUT` for names that nothing has, `DATABASE_NOT_READY` where nothing is left to show. */
export function pulledOf({ catalog, notes }: ReadDatabase, options: PullOptions): PulledSchema {
  const tables = [...catalog.tables.values()].filter(({ schema }) => schema !== 'meridian');
  for (const schema of options.schemas ?? []) {
    if (tables.some((table) => table.schema === schema)) continue;
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `--schemas names ${JSON.stringify(schema)}, which has no tables that this role sees; there are ${listOf(new Set(tables.map((table) => table.schema)))}.`,
    });
  }
  for (const [flag, patterns] of [
    ['--include', options.include],
    ['--exclude', options.exclude],
  ] as const) {
    const idle = patterns.find((pattern) => !tables.some(({ schema, name }) => matches(pattern, schema, name)));
    if (idle !== undefined)
      throw new MeridianError({
        code: 'BAD_USER_INPUT',
        message: `${flag} ${JSON.stringify(idle)} fits no table; write a name such as orders, sales.orders or sales.*.`,
      });
  }
  const reserved = new Set([
    ...TAKEN,
    ...builtInDefinitions().flatMap((node) =>
      'name' in node && node.name && node.kind !== Kind.DIRECTIVE_DEFINITION ? [node.name.value] : [],
    ),
  ]);
  const pulled = pullSchema({ catalog, notes, options, reserved });
  if (pulled.entities === 0) {
    const why =
      pulled.leftOut.length > 0
        ? `: ${pulled.leftOut.slice(0, 3).join(' ')}`
        : '; create tables first, or name their schema with --schemas.';
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `Database ${JSON.stringify(notes.database)} has no table that could become a type${why}`,
    });
  }
  return pulled;
}

function listOf(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none at all' : [...names].sort().join(', ');
}
