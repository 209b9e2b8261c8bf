/** Owns the detection of missed changes: the server's history does not continue from the consumer's position. */
import { clusterIdOf, lineageStatusOf, type Position } from '../../base/lineage.ts';
import { formatLsn } from '../../base/lsn.ts';
import { type ServerSurvey } from './slot.ts';
import { type SlotStream, type SystemIdentity } from './slot-stream.ts';

/** Why `stand` is not in the server's history any more, or null if it is (R8). */
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
 * Why `stand` is ahead of a primary on the same timeline, or null if it is not. An older copy of the database files
 * was restored, and the primary writes other records at positions that were used before.
 */
export function restoredGap({ writtenLsn }: ServerSurvey, { lsn }: Position): string | null {
  if (writtenLsn === null || writtenLsn >= lsn) return null;
  return `the primary has written up to ${formatLsn(writtenLsn)} and no further, and this region had applied ${formatLsn(lsn)}: an older copy of the database was put back`;
}
