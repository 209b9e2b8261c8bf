/**
 * Owns the check of the tables in the schema `meridian`. It is made at the primary, from which replicas receive them.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { closeClient, openClient } from '../connect/open.ts';
import { grantOutcomes, missingMetadataRights, roleWithoutOutcomes } from '../connect/rights.ts';
import { readMetadata } from '../setup/metadata.ts';
import { type Checked, type DatabaseTarget, type Say } from './finding.ts';

export async function checkMetadata(
  checked: readonly Checked[],
  { regions, kept = [], options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? { region: null };
  const databaseUrl = regions.find(({ name }) => name === region)?.databaseUrl;
  if (region === null || databaseUrl === undefined) return;
  const client = await openClient({
    databaseUrl,
    applicationName: 'meridian check',
    connectMs: options.connectMs,
    statementMs: options.statementMs,
  });
  try {
    const { missing, outdated, unkept } = await readMetadata(client, kept);
    if (missing.length > 0)
      sayOf(region)(
        'warn',
        `It has no ${missing.join(', ')}: requests with an idempotency key and writes that meet a conflict fail.`,
        'Run `meridian setup`.',
      );
    else if (outdated)
      sayOf(region)(
        'warn',
        'The tables and triggers in the schema meridian were made by another version of Meridian, or every role may call their function keep_version().',
        'Run `meridian setup` as the owner of that schema.',
      );
    const role = await roleWithoutOutcomes(client, options.viewerSettings ?? '');
    if (role !== null)
      sayOf(region)(
        'warn',
        `The role ${role}, which viewerSettings names, may not keep outcomes: requests with an idempotency key are refused.`,
        `Run \`meridian setup\`, or ${grantOutcomes(quoteIdentifier(role))}.`,
      );
    for (const lack of await missingMetadataRights(client, options.viewerSettings ?? '', kept.length > 0)) {
      const rights = lack.rights.join(', ');
      sayOf(region)(
        'warn',
        `The role ${lack.role} may not ${rights} on ${lack.table}: what writing keeps there is refused to it.`,
        `GRANT ${rights} ON ${lack.table} TO ${quoteIdentifier(lack.role)}.`,
      );
    }
    if (unkept.length > 0)
      sayOf(region)(
        'warn',
        `Older versions of ${unkept.join(', ')} are not kept, though a policy compares with them: writers who have not seen the latest version are refused.`,
        'Run `meridian setup`.',
      );
  } finally {
    await closeClient(client);
  }
}
