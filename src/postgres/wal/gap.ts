/**
 * Owns how the tail finds out that changes were missed: the server's history does not lead on from where the consumer
 * stands.
 */
import { clusterIdOf, lineageStatusOf, type Position } from '../../base/lineage.ts';
import { formatLsn } from '../../base/lsn.ts';
import { type ServerSurvey } from './slot.ts';
import { type SlotStream, type SystemIdentity } from './slot-stream.ts';

/** Why `stand` is not on the server's history any more, or null when it is (R8). */
export async function lineageGap(
  stream: SlotStream,
  identity: SystemIdentity,
  stand: Position,
): Promise<string | null> {
  if (clusterIdOf(identity.systemIdentifier) !== stand.cluster)
    return `the server belongs to another cluster now (system identifier ${identity.systemIdentifier})`;
  if (identity.timeline <= stand.timeline) return null;
  const history = await stream.history(identity.timeline);
  if (lineageStatusOf(stand, history) !== 'lost') return null;
  return `timeline ${identity.timeline} begins below ${formatLsn(stand.lsn)}, which this region had applied: a failover lost it`;
}

/**
 * Why `stand` lies ahead of a primary of the same timeline, or null where it does not: a copy of its files was put
 * back, and what it writes now takes positions that were used.
 */
export function restoredGap({ writtenLsn }: ServerSurvey, { lsn }: Position): string | null {
  if (writtenLsn === null || writtenLsn >= lsn) return null;
  return `the primary has written up to ${formatLsn(writtenLsn)} and no further, and this region had applied ${formatLsn(lsn)}: an older copy of the database was put back`;
}
