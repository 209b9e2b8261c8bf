/** Owns the check of the tables' replica identities, which exact invalidation depends on. */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { isRefused, whyNotFull, type IdentityFacts } from '../connect/identity.ts';
import { type ServerFacts } from './facts.ts';
import { namesOf, type Say } from './finding.ts';

/**
 * A table whose updates PostgreSQL refuses is an error. A table without REPLICA IDENTITY FULL is a warning: its
 * changes invalidate more than they need to.
 */
export function checkIdentities({ identities }: ServerFacts, say: Say): void {
  for (const table of identities.filter(isRefused)) {
    const why =
      table.identity === 'f'
        ? `it has REPLICA IDENTITY FULL, and ${whyNotFull(table) ?? ''}`
        : 'it is published and has no replica identity';
    say(
      'error',
      `Updates and deletes of ${namesOf([table])} are refused: ${why}.`,
      `Run meridian setup, which gives it an identity that it can have; ${remedy(table)}`,
    );
  }
  const lacking = identities.filter((table) => !isRefused(table) && table.identity !== 'f');
  const kept = lacking.filter((table) => whyNotFull(table) !== null);
  const keyed = lacking.filter((table) => whyNotFull(table) === null);
  if (keyed.length > 0)
    say(
      'warn',
      `Without REPLICA IDENTITY FULL each change of ${namesOf(keyed)} invalidates the whole table's relations.`,
      'Run meridian setup.',
    );
  for (const table of kept)
    say(
      'warn',
      `Each change of ${namesOf([table])} invalidates all that is cached of it: it cannot have REPLICA IDENTITY FULL, since ${whyNotFull(table) ?? ''}.`,
      `Leave it so, or ${remedy(table)}`,
    );
  if (identities.length > 0 && lacking.length === 0 && !identities.some(isRefused))
    say('ok', 'Every mapped table has REPLICA IDENTITY FULL.');
}

function remedy({ hasVirtual, listColumns, lackStored }: IdentityFacts): string {
  if (hasVirtual) return 'make its virtual columns STORED.';
  if (listColumns.length > 0) return `publish all of its columns in ${listColumns.join(', ')}.`;
  if (lackStored.length > 0)
    return lackStored
      .map((name) => `ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish_generated_columns = stored).`)
      .join(' ');
  return 'give it a primary key, or REPLICA IDENTITY FULL.';
}
