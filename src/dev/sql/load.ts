/** Owns loading a new database from a folder of SQL files, sorted by name, each in its own session. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Client, DatabaseError } from 'pg';
import { MeridianError, messageOf } from '../../base/errors.ts';
import { type InitialData } from '../options.ts';
import { withSession } from '../postgres/session.ts';
import { explain } from '../problems.ts';
import { CopyIn } from './copy-in.ts';
import { lineAt, splitScript, UnknownCommand, type Segment } from './split.ts';

export interface SqlFolder {
  readonly folder: string;
  /** Readable in SQL as `current_setting('meridian.scale')`. */
  readonly scale: number;
  readonly onProgress: (sentence: string) => void;
  readonly onNotice: (sentence: string) => void;
}

interface Script {
  readonly path: string;
  readonly text: string;
}

function readScripts(folder: string): Script[] {
  try {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    if (names.length === 0)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `The folder ${folder} holds no .sql files; name the folder with the tables and data of the application with --sql.`,
      });
    return names.map((name) => ({
      path: join(folder, name),
      text: readFileSync(join(folder, name), 'utf8').replace(/^\ufeff/, ''),
    }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `There is no folder ${folder}; name the folder with the application's .sql files with --sql.`,
        cause: error,
      });
    throw explain(error, `The folder ${folder}`);
  }
}

/** Reads the folder before anything is started, so that errors are reported first. */
export function sqlFolder({ folder, scale, onProgress, onNotice }: SqlFolder): InitialData {
  const scripts = readScripts(folder);
  const hash = createHash('sha256').update(`scale ${scale}`);
  for (const { path, text } of scripts) hash.update(`\0${basename(path)}\0${text}`);
  return {
    fingerprint: hash.digest('hex'),
    load: async (dsn) => {
      for (const script of scripts) {
        onProgress(`loading ${script.path}`);
        await withSession({ dsn, settings: { 'meridian.scale': String(scale) } }, (client) =>
          loadScript(client, script, onNotice),
        );
      }
      // Collects statistics for the planner, also for the replicas, which cannot do so themselves.
      await withSession({ dsn }, (client) => client.query('VACUUM (ANALYZE)'));
    },
  };
}

async function loadScript(client: Client, script: Script, onNotice: (sentence: string) => void): Promise<void> {
  const place = (offset: number): string => `${script.path}:${lineAt(script.text, offset)}`;
  let segment: Segment | undefined;
  try {
    for (segment of splitScript(script.text)) {
      if (segment.kind === 'skipped')
        onNotice(
          `${place(segment.offset)}: "${firstLine(segment.text)}" was skipped: everything is loaded into the cluster's own database.`,
        );
      else await send(client, segment);
    }
  } catch (error) {
    if (error instanceof UnknownCommand) {
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `${place(error.offset)}: psql's command "\\${error.command}" is not understood here; write SQL instead, or put the file that it reads into the folder.`,
        cause: error,
      });
    }
    throw loadError(error, segment, place);
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

async function send(client: Client, segment: Exclude<Segment, { kind: 'skipped' }>): Promise<void> {
  if (segment.kind !== 'copy') {
    await client.query(segment.text);
    return;
  }
  const copy = new CopyIn(segment.text, Buffer.from(segment.data, 'utf8'));
  client.query(copy);
  await copy.done;
}

function loadError(error: unknown, segment: Segment | undefined, place: (offset: number) => string): MeridianError {
  const details =
    error instanceof DatabaseError
      ? [error.detail, error.where && `(${firstLine(error.where)})`, error.hint].filter((text) => text)
      : [];
  const offset = segment?.offset ?? 0;
  // The server counts positions from the beginning of the text that it received; without a position, some statement of
  // these lines failed.
  const position =
    error instanceof DatabaseError && error.position !== undefined ? offset + Number(error.position) - 1 : undefined;
  const from = segment ? offset + (/\S/.exec(segment.text)?.index ?? 0) : 0;
  const where = position !== undefined ? place(position) : `${place(from)} or below`;
  return new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `${where}: ${[messageOf(error), ...details].join('; ')}. Correct the file and start again.`,
    cause: error,
  });
}
