/**
 * Owns the check of durability: whether the primary's standbys can at present give the levels that mutations ask for.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Durability } from '../../model/model.ts';
import { STANDBYS } from '../write/durability.ts';
import { closeClient, openClient, type ClientOptions } from '../connect/open.ts';

interface Standbys {
  readonly names: string;
  readonly wanted: number;
  readonly allowed: boolean;
  readonly connected: number;
  readonly role: string;
}

type Say = (severity: 'ok' | 'warn', what: string, fix?: string) => void;

const refused = (asked: string): string => `so that what asks for ${asked} is refused with DURABILITY_UNAVAILABLE`;

/** `asked`: the levels that the option or a mutation names. Reports nothing if none of them needs a standby. */
export async function checkDurability(
  at: Pick<ClientOptions, 'databaseUrl' | 'connectMs' | 'statementMs'>,
  asked: ReadonlySet<Durability>,
  say: Say,
): Promise<void> {
  const levels = [...asked].filter((level) => level !== 'LOCAL').join(' and ');
  if (levels === '') return;
  const client = await openClient({ ...at, applicationName: 'meridian check' });
  try {
    const { rows } = await client.query<Standbys>(`SELECT s.*, current_user::text AS role FROM (${STANDBYS}) s`);
    const [found] = rows;
    if (!found) return;
    const { names, wanted, allowed, connected, role } = found;
    if (names === '')
      say(
        'warn',
        `synchronous_standby_names is empty, ${refused(levels)}.`,
        `ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)' (or the names of the replicas that are to confirm), then SELECT pg_reload_conf().`,
      );
    else if (!allowed)
      say(
        'warn',
        `The role ${role} may not see which standbys are connected, ${refused(levels)}.`,
        `GRANT pg_monitor TO ${quoteIdentifier(role)}.`,
      );
    else if (connected < wanted)
      say(
        'warn',
        `synchronous_standby_names (${names}) demands ${wanted}, of which ${connected} stream${connected === 1 ? 's' : ''}, ${refused(levels)}.`,
        'Bring the standbys back (pg_stat_replication says who is there, under application_name), or lower the number.',
      );
    else {
      say('ok', `${levels} can be given: ${connected} of the ${wanted} synchronous standbys that are needed stream.`);
      if (connected === wanted)
        say(
          'warn',
          `Not one synchronous standby may be lost: without any one of the ${connected} what asks for ${levels} is refused.`,
          'Let synchronous_standby_names name one more than it demands.',
        );
    }
  } finally {
    await closeClient(client);
  }
}
