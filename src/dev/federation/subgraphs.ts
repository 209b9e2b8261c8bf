/**
 * Owns which subgraphs an application has: one per folder under `subgraphs/`, each with SDL, SQL and, optionally,
 * resolvers.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MeridianError, messageOf } from '../../base/errors.ts';
import { MAX_SUBGRAPHS } from '../ports.ts';

export interface SubgraphFolder {
  readonly name: string;
  readonly schema: string;
  readonly sql: string;
  /** Its module of custom resolvers, if there is one next to the SDL. */
  readonly resolvers: string | undefined;
}

const FOLDER = 'subgraphs';
/** Characters that supergraphs, data folders and `ps` all accept. */
const NAME = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;
const NAME_CHARS = 40;
const RESOLVERS = ['resolvers.ts', 'resolvers.js', 'resolvers.mjs'] as const;

/** Sorted by name. Throws if there is none, or if one is invalid. */
export function findSubgraphs(schema: string, sql: string): SubgraphFolder[] {
  const parent = join(schema, FOLDER);
  const invalid = (message: string): MeridianError => new MeridianError({ code: 'SCHEMA_INVALID', message });
  let names: string[];
  try {
    names = readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `--federated looks for subgraphs in ${parent}, which cannot be read (${messageOf(error)}); make a folder there for each, with its .graphql and .sql files.`,
      cause: error,
    });
  }
  if (names.length === 0)
    throw invalid(
      `--federated found no folder in ${parent}; make one there for each subgraph, with its .graphql and .sql files.`,
    );
  if (names.length > MAX_SUBGRAPHS)
    throw invalid(
      `${parent} holds ${names.length} subgraphs, but this machine runs ${MAX_SUBGRAPHS} at most; take some out.`,
    );
  const wrong = names.find((name) => !NAME.test(name) || name.length > NAME_CHARS);
  if (wrong !== undefined)
    throw invalid(
      `The folder ${join(parent, wrong)} has no name for a subgraph; use up to ${NAME_CHARS} small letters, digits and single hyphens, a letter first, as in user-accounts.`,
    );
  return names.map((name) => ({
    name,
    schema: join(parent, name),
    sql: join(sql, FOLDER, name),
    resolvers: RESOLVERS.map((file) => join(parent, name, file)).find((path) => existsSync(path)),
  }));
}
