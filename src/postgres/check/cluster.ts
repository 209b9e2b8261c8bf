/**
 * Owns the check of what all servers have in common: a single primary, one cluster, and the announcement of schema
 * changes.
 */
import { ANNOUNCE_CALL, ANNOUNCE_MESSAGE, type Announcing } from '../setup/announce.ts';
import { type Checked, type DatabaseTarget, type Say } from './finding.ts';
import { checkTables } from './tables.ts';

/** Reads the catalog of the primary, which replicas follow with a short delay. */
export function checkCluster(
  checked: readonly Checked[],
  target: DatabaseTarget,
  sayOf: (region: string) => Say,
): void {
  const primaries = checked.filter((one) => !one.facts.inRecovery);
  const [primary] = primaries;
  for (const other of primaries.slice(1))
    sayOf(other.region)(
      'error',
      `It accepts writes, and so does ${primary?.region ?? ''}.`,
      'Exactly one region may be the primary: stop the older one and make it a replica (pg_rewind).',
    );
  if (!primary && checked.length > 0)
    for (const { region } of checked)
      sayOf(region)(
        'error',
        'No region that can be reached is the primary.',
        'Name the primary among the regions, or promote a replica.',
      );
  const reference = primary ?? checked[0];
  if (!reference) return;
  for (const { region, facts } of checked) {
    if (facts.systemIdentifier !== reference.facts.systemIdentifier)
      sayOf(region)(
        'error',
        `It belongs to another cluster than ${reference.region} (system identifiers ${facts.systemIdentifier}, ${reference.facts.systemIdentifier}).`,
        `Make it a physical replica of ${reference.region} (pg_basebackup).`,
      );
  }
  checkAnnouncing(reference.facts.announcing, sayOf(reference.region));
  checkTables(reference, target, sayOf(reference.region));
}

const UNANNOUNCED: Readonly<Record<Exclude<Announcing, 'installed'>, string>> = {
  unannounced: 'Schema changes are not announced (setup has created no event triggers)',
  missing:
    'Schema changes are not announced (the event triggers meridian_ddl_command_end and meridian_sql_drop are missing)',
  disabled:
    'Schema changes are not always announced (event triggers of the schema meridian are disabled, or not ENABLE ALWAYS)',
  outdated: 'Schema changes are announced as another version of Meridian does it, which may miss some',
};

function checkAnnouncing(state: Announcing, say: Say): void {
  if (state === 'installed') return say('ok', 'Schema changes are announced to caches.');
  const byHand = state === 'unannounced' ? ANNOUNCE_MESSAGE : ANNOUNCE_CALL;
  say(
    'warn',
    `${UNANNOUNCED[state]}: caches notice what is missed only by TTL.`,
    `Run meridian setup as a superuser, or what your cloud has for one; where that cannot be, end each migration with ${byHand}.`,
  );
}
