/** Owns where SDL comes from: the files of a folder, and the file that Meridian adds to every schema. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, Source, type DefinitionNode } from 'graphql';
import { messageOf, MeridianError } from '../base/errors.ts';

export interface SdlFile {
  /** As shown in messages. */
  readonly name: string;
  readonly body: string;
}

const BUILT_IN = fileURLToPath(new URL('../../schema/meridian.graphql', import.meta.url));

/** The directives and types that Meridian adds. */
export function builtInDefinitions(): readonly DefinitionNode[] {
  return parse(new Source(readFileSync(BUILT_IN, 'utf8'), 'meridian.graphql')).definitions;
}

/** Every `*.graphql` and `*.graphqls` file in `folder`, sorted by name. Throws `SCHEMA_INVALID` if there is none. */
export function readSdlFolder(folder: string): SdlFile[] {
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => /\.graphqls?$/.test(name))
      .sort();
  } catch (error) {
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `The schema folder ${folder} cannot be read (${messageOf(error)}); name a folder that holds .graphql files.`,
      cause: error,
    });
  }
  if (names.length === 0)
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `The folder ${folder} holds no .graphql file; put the schema there or name another folder.`,
    });
  return names.map((name) => ({ name, body: readFileSync(join(folder, name), 'utf8') }));
}
