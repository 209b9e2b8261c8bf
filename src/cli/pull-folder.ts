/** Owns the folder of a pulled graph: the author's files, and beside them what was pulled last and how. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeridianError, messageOf } from '../base/errors.ts';
import { type PullOptions } from '../introspection/request.ts';
import { type SdlFile } from '../schema-compiler/files.ts';

/** Not `.meridian`, which holds a development cluster's data and is kept out of version control. */
const KEPT = '.pulled';
const OPTIONS = `${KEPT}/pull.json`;

export interface PulledFolder {
  readonly folder: string;
  /** Null: nothing was pulled into it so far. */
  readonly options: PullOptions | null;
  readonly base: readonly SdlFile[];
  readonly files: readonly SdlFile[];
}

/** Throws `CONFIG_INVALID` where the folder holds files and was never pulled into. */
export function openFolder(folder: string): PulledFolder {
  if (!existsSync(join(folder, OPTIONS))) {
    const held = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];
    if (held.length > 0)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `The folder ${folder} is not empty (${held.slice(0, 3).join(', ')}) and nothing was pulled into it before; name an empty folder or a new one with --out.`,
      });
    return { folder, options: null, base: [], files: [] };
  }
  return { folder, options: optionsIn(folder), base: sdlIn(join(folder, KEPT)), files: sdlIn(folder) };
}

function optionsIn(folder: string): PullOptions {
  const path = join(folder, OPTIONS);
  try {
    const { schemas, include, exclude, mutations } = JSON.parse(readFileSync(path, 'utf8')) as PullOptions;
    const isList = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string');
    if (!(schemas === null || isList(schemas)) || !isList(include) || !isList(exclude))
      throw new Error('it has other fields');
    return { schemas, include, exclude, mutations };
  } catch (error) {
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `${path} cannot be read (${messageOf(error)}); take it back from version control, or pull into a new folder.`,
      cause: error,
    });
  }
}

function sdlIn(folder: string): readonly SdlFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /\.graphqls?$/.test(name))
    .sort()
    .map((name) => ({ name, body: readFileSync(join(folder, name), 'utf8') }));
}

export interface WriteFolderInput {
  readonly folder: string;
  readonly options: PullOptions;
  readonly pulled: ReadonlyMap<string, string>;
  /** Null: the file goes. */
  readonly files: ReadonlyMap<string, string | null>;
}

/** The author's files first: were the rest not written, the same would be pulled once more. */
export function writeFolder({ folder, options, pulled, files }: WriteFolderInput): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) {
      if (text === null) rmSync(join(folder, name), { force: true });
      else writeFileSync(join(folder, name), text);
    }
    const kept = join(folder, KEPT);
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    for (const [name, text] of pulled) writeFileSync(join(kept, name), text);
    writeFileSync(join(folder, OPTIONS), `${JSON.stringify(options, null, 2)}\n`);
  } catch (error) {
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The folder ${folder} cannot be written (${messageOf(error)}); name another one with --out.`,
      cause: error,
    });
  }
}
