/** Owns the configuration file: it is found, read and parsed; each error is one sentence. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { configError } from './problems.ts';

export const DEFAULT_FILE = 'meridian.json';

/** Settings as an object, and the name of their source in messages. */
export interface Settings {
  readonly values: Readonly<Record<string, unknown>>;
  readonly where: string;
  /** Folder that relative paths in it start from. */
  readonly folder: string;
}

export interface FileRequest {
  /** The path that was asked for, and by what; null looks for the default file, which may be absent. */
  readonly asked: { readonly path: string; readonly where: string } | null;
  readonly folder: string;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads the file. Throws `CONFIG_INVALID` if it was asked for and is absent, unreadable, or not a JSON object. */
export function readSettings(request: FileRequest): Settings | null {
  const path = resolve(request.folder, request.asked?.path ?? DEFAULT_FILE);
  const where = request.asked?.where ?? `file ${path}`;
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (absent && request.asked === null) return null;
    throw configError([
      {
        option: 'config',
        where,
        what: absent
          ? `names ${path}, which does not exist`
          : `names ${path}, which cannot be read (${messageOf(error)})`,
        fix: 'give the path of a JSON file that this user may read',
      },
    ]);
  }
  return { values: parse(content, path), where: `file ${path}`, folder: dirname(path) };
}

function parse(content: string, path: string): Record<string, unknown> {
  const invalid = (what: string): Error =>
    configError([
      {
        option: 'config',
        where: `file ${path}`,
        what,
        fix: 'write one JSON object: { "region": "…", "regions": { "…": { "databaseUrl": "…" } }, …options }',
      },
    ]);
  let values: unknown;
  try {
    values = JSON.parse(content);
  } catch (error) {
    // V8's message quotes the text around the error, which may be a secret: only the position is shown.
    const position = /position \d+(?: \(line \d+ column \d+\))?/.exec(messageOf(error))?.[0];
    throw invalid(`is no valid JSON${position ? ` at ${position}` : ''}`);
  }
  if (!isRecord(values)) throw invalid('holds no JSON object');
  return values;
}
