/** Owns `meridian pull`: SDL of a database that is there, and keeping the two together. */
import { resolve } from 'node:path';
import { type Command } from 'commander';
import { MeridianError } from '../base/errors.ts';
import { repeated } from './flags.ts';
import { table } from './output.ts';
import type { Change } from '../introspection/merge.ts';
import type { PullOptions } from '../introspection/request.ts';

interface Flags {
  readonly database: string;
  readonly out: string;
  readonly schemas?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly mutations?: boolean;
  readonly check?: boolean;
}

export function registerPull(program: Command): void {
  program
    .command('pull')
    .description(
      'write SDL of a database that is there; again after a migration, it adds what is new and keeps what you have changed',
    )
    .requiredOption(
      '--database <url>',
      'the database, as psql takes it; its password may stand in PGPASSWORD or a password file',
    )
    .requiredOption('--out <folder>', 'folder for the SDL files; an empty one, or one that was pulled into before')
    .option('--schemas <names>', 'database schemas, separated by commas (default: all of them)')
    .option(
      '--include <pattern>',
      'only tables of this name or schema.name; * and ? stand for any letters; may be repeated',
      repeated,
    )
    .option('--exclude <pattern>', 'no tables of this name or schema.name; may be repeated', repeated)
    .option('--mutations', 'also mutations that create, update and delete rows')
    .option('--check', 'write nothing; end with status 1 where database and SDL have drifted apart')
    .addHelpText(
      'after',
      '\nReads the catalog alone, in a transaction that cannot write. Choices are kept in the folder: without them, the last ones count.',
    )
    .action(async (flags: Flags) => {
      const [{ openFolder, writeFolder }, { pulledOf, readDatabase }, { mergePull }] = await Promise.all([
        import('./pull-folder.ts'),
        import('./pull-database.ts'),
        import('../introspection/merge.ts'),
      ]);
      const folder = openFolder(resolve(flags.out));
      if (flags.check && folder.options === null)
        throw new MeridianError({
          code: 'CONFIG_INVALID',
          message: `Nothing was pulled into ${flags.out} so far, so nothing can be compared; pull without --check first.`,
        });
      const options = optionsOf(flags, folder.options);
      const pulled = pulledOf(await readDatabase(flags.database), options);
      const files = [...pulled.files].map(([name, body]) => ({ name, body }));
      const merged =
        folder.options === null
          ? { files: pulled.files, changes: [] }
          : mergePull({ base: folder.base, pulled: files, files: folder.files });
      if (flags.check) {
        console.log(driftReport(merged.changes));
        if (merged.changes.length > 0) process.exitCode = 1;
        return;
      }
      writeFolder({ folder: folder.folder, options, pulled: pulled.files, files: merged.files });
      const what = `${pulled.entities} types in ${pulled.files.size} files`;
      console.log(
        folder.options === null
          ? `${flags.out}: ${what}.${pulled.leftOut.length > 0 ? `\n\nLeft out:\n${pulled.leftOut.map((one) => `  ${one}`).join('\n')}` : ''}`
          : `${flags.out}: ${changesText(merged.changes)}`,
      );
      if (folder.options === null)
        console.log(
          `\nNext: meridian check, or try it on a copy: meridian dev --schema ${flags.out} --sql <folder with the database's SQL>`,
        );
    });
}

function optionsOf(flags: Flags, before: PullOptions | null): PullOptions {
  const schemas = flags.schemas
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (schemas?.length === 0)
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: '--schemas names no schema; write --schemas public,sales, or leave it out for all.',
    });
  return {
    schemas: schemas ?? before?.schemas ?? null,
    include: flags.include ?? before?.include ?? [],
    exclude: flags.exclude ?? before?.exclude ?? [],
    mutations: flags.mutations ?? before?.mutations ?? false,
  };
}

const WORDS: Readonly<Record<Change['kind'], string>> = {
  new: 'new',
  changed: 'changed',
  gone: 'gone',
  conflict: 'yours, changed in the database',
};

function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing has changed in the database.';
  const rows = changes.map(({ kind, what, file }) => [`  ${WORDS[kind]}`, file, what]);
  return `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}.\n${table(rows)}`;
}

function driftReport(changes: readonly Change[]): string {
  if (changes.length === 0) return 'The SDL is as the database has it.';
  return `The database has changed since it was pulled; run meridian pull: ${changesText(changes)}`;
}
