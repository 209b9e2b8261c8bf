/** Owns the check of the mapped tables: whether they exist, are published and may be read and written. */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { namesOf, type Checked, type DatabaseTarget, type Say } from './finding.ts';
import { checkIdentities } from './identities.ts';

export function checkTables({ facts }: Checked, { options }: DatabaseTarget, say: Say): void {
  const publication = options.publication;
  const missing = facts.tables.filter((t) => !t.exists);
  const readable = facts.tables.filter((t) => t.exists);
  const unlogged = readable.filter((t) => t.kind === 'unlogged');
  // Views have no rows of their own that could be published or replicated.
  const present = readable.filter((t) => t.kind === 'replicated');
  if (missing.length > 0)
    say('error', `Mapped tables do not exist: ${namesOf(missing)}.`, 'Run the migrations, or correct the schema.');
  if (unlogged.length > 0)
    say(
      'error',
      `${namesOf(unlogged)} cannot be read on a replica: unlogged tables are not replicated.`,
      `ALTER TABLE … SET LOGGED, or do not map them.`,
    );
  if (facts.publication === null) say('error', `The publication ${publication} does not exist.`, 'Run meridian setup.');
  else {
    const unpublished = present.filter((t) => !t.published);
    const filtered = present.filter((t) => t.filtered);
    if (facts.publication.omits.length > 0)
      say(
        'error',
        `The publication ${publication} leaves out ${facts.publication.omits.join(', ')}.`,
        `ALTER PUBLICATION ${quoteIdentifier(publication)} SET (publish = 'insert, update, delete, truncate').`,
      );
    if (unpublished.length > 0)
      say(
        'error',
        `The publication ${publication} does not cover ${namesOf(unpublished)}.`,
        'Run meridian setup; a table with virtual generated columns needs a primary key first.',
      );
    if (filtered.length > 0)
      say(
        'error',
        `The publication ${publication} shows only some rows or columns of ${namesOf(filtered)}.`,
        'Publish these tables whole.',
      );
    const rootless = facts.publication.via_root ? [] : present.filter((t) => t.partitioned);
    if (rootless.length > 0)
      say(
        'error',
        `The publication ${publication} names the partitions, not ${namesOf(rootless)}, in what it sends, so that changes miss what is cached.`,
        `Run meridian setup, or ALTER PUBLICATION ${quoteIdentifier(publication)} SET (publish_via_partition_root = true).`,
      );
    if (facts.publication.omits.length + rootless.length + unpublished.length + filtered.length === 0)
      say('ok', `The publication ${publication} covers the ${present.length} mapped tables.`);
  }
  const partitions = facts.publication?.via_root ? present.filter((t) => t.partition) : [];
  if (partitions.length > 0)
    say(
      'warn',
      `${namesOf(partitions)} are partitions, whose changes come under the name of their root and miss what is cached of them.`,
      'Map the root, or do not cache these tables.',
    );
  const parents = present.filter((t) => t.children);
  if (parents.length > 0)
    say(
      'warn',
      `Other tables inherit from ${namesOf(parents)}: their rows are seen through it, but their changes come under their own names and miss what is cached of it.`,
      'Turn the children into partitions, or do not cache these tables.',
    );
  checkIdentities(facts, say);
  const unreadable = readable.filter((t) => t.lacks.includes('SELECT'));
  if (unreadable.length > 0)
    say(
      'error',
      `The role ${facts.role} may not read ${namesOf(unreadable)}.`,
      `GRANT SELECT ON ${namesOf(unreadable)} TO ${quoteIdentifier(facts.role)}.`,
    );
  const unwritable = present.filter((t) => !t.lacks.includes('SELECT') && t.lacks.length > 0);
  if (unwritable.length > 0)
    say(
      'warn',
      `The role ${facts.role} may not write everywhere: ${unwritable.map((t) => `${t.schema}.${t.name} (${t.lacks.join(', ')})`).join('; ')}.`,
      'Grant it if mutations write there; it is fine for tables that are only read.',
    );
}
