/** Owns the check of a database: what each region's server has, what it lacks, and how to fix it. */
import { isMeridianError, messageOf } from '../../base/errors.ts';
import { closeClient, openClient } from '../connect/open.ts';
import { checkCluster } from './cluster.ts';
import { checkDurability } from './durability.ts';
import { readFacts, type ServerFacts } from './facts.ts';
import { type Checked, type DatabaseTarget, type Finding, type Say } from './finding.ts';
import { checkMetadata } from './metadata.ts';
import { checkProtection } from './protection.ts';
import { checkSecurity } from './security.ts';
import { checkServer } from './server.ts';

/**
 * Checks the servers of all regions in parallel; a server that cannot be reached is a finding, not a failure.
 * Read-only.
 */
export async function checkDatabase(target: DatabaseTarget): Promise<Finding[]> {
  const findings: Finding[] = [];
  const sayOf =
    (region: string): Say =>
    (severity, what, fix) =>
      void findings.push({ region, severity, what, fix: fix ?? null });
  const looked = await Promise.all(
    target.regions.map(async ({ name, databaseUrl }): Promise<Checked | { region: string; error: unknown }> => {
      try {
        return { region: name, facts: await factsOf(databaseUrl, target) };
      } catch (error) {
        return { region: name, error };
      }
    }),
  );
  const checked = looked.filter((one): one is Checked => 'facts' in one);
  for (const one of looked) {
    const say = sayOf(one.region);
    if ('facts' in one) {
      checkServer(one.facts, target, say);
      checkProtection(target.regions.find(({ name }) => name === one.region)?.databaseUrl ?? '', say);
    } else if (isMeridianError(one.error, 'DATABASE_NOT_READY'))
      say('error', one.error.message, String(one.error.details['fix']));
    else
      say(
        'error',
        `Its database cannot be reached: ${messageOf(one.error).replace(/\.$/, '')}.`,
        'Check the DSN, the network, pg_hba.conf and that the server runs.',
      );
  }
  checkCluster(checked, target, sayOf);
  await checkPolicies(checked, target, sayOf);
  await checkMetadata(checked, target, sayOf);
  await checkStandbys(checked, target, sayOf);
  return findings;
}

/** Only the primary knows which standbys confirm commits. */
async function checkStandbys(
  checked: readonly Checked[],
  { regions, durabilities = new Set(), options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? { region: null };
  const databaseUrl = regions.find(({ name }) => name === region)?.databaseUrl;
  if (region === null || databaseUrl === undefined) return;
  const { connectMs, statementMs, durability = 'default' } = options;
  const asked = new Set([...durabilities, ...(durability === 'default' ? [] : [durability])]);
  try {
    await checkDurability({ databaseUrl, connectMs, statementMs }, asked, sayOf(region));
  } catch (error) {
    sayOf(region)(
      'error',
      `Its standbys cannot be looked at: ${messageOf(error)}.`,
      'Run the check again; its log at the server says more.',
    );
  }
}

/** Read from one server, since replicas have the primary's roles and policies. */
async function checkPolicies(
  checked: readonly Checked[],
  { regions, tables, options }: DatabaseTarget,
  sayOf: (region: string) => Say,
): Promise<void> {
  const { region } = checked.find(({ facts }) => !facts.inRecovery) ?? checked[0] ?? { region: null };
  const { connectMs, statementMs, viewerSettings = '' } = options;
  for (const { name, databaseUrl } of regions) {
    if (name !== region) continue;
    try {
      await checkSecurity({ databaseUrl, tables, viewerSettings, connectMs, statementMs }, sayOf(name));
    } catch (error) {
      sayOf(name)(
        'error',
        `Its policies cannot be looked at: ${messageOf(error)}.`,
        'Run the check again; its log at the server says more.',
      );
    }
  }
}

export async function factsOf(
  databaseUrl: string,
  { options, tables }: Pick<DatabaseTarget, 'options' | 'tables'>,
): Promise<ServerFacts> {
  const { connectMs, statementMs } = options;
  const client = await openClient({ databaseUrl, applicationName: 'meridian check', connectMs, statementMs });
  try {
    return await readFacts(client, { ...options, tables });
  } finally {
    await closeClient(client);
  }
}
