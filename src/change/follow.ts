/** Owns how a region's changes move its two watermarks: what is applied to the caches, and what the replica is known to show. */
import { type ChangeHandlers, type CommittedTransaction, type Heartbeat } from './ports.ts';
import { type Watermark } from './watermark.ts';

export interface FollowParts {
  /** W: everything up to it is applied to this region's caches (R2). */
  readonly applied: Watermark;
  /** What the region's own server is known to show; the replay watcher moves it too. Reads with a floor wait on this one. */
  readonly replayed: Watermark;
  /** Applies a transaction's invalidations; W moves when it resolves. */
  readonly apply: (transaction: CommittedTransaction) => Promise<void> | void;
  /** Empties the region's caches (R8); W is unknown until it resolves and the new stream begins. */
  readonly onGap: (reason: string) => Promise<void> | void;
  readonly onHeartbeat?: (heartbeat: Heartbeat) => void;
}

export function followInto(parts: FollowParts): ChangeHandlers {
  const { applied, replayed } = parts;
  return {
    async onGap(reason) {
      // W first: from here on nothing in the caches counts as fresh.
      applied.reset(reason);
      await parts.onGap(reason);
    },
    onStart({ lsn }) {
      applied.advance(lsn);
    },
    async onTransaction(transaction) {
      // The change is only delivered once the server shows it, whatever applying it takes.
      replayed.advance(transaction.commitLsn);
      await parts.apply(transaction);
      applied.advance(transaction.commitLsn);
    },
    onHeartbeat(heartbeat) {
      replayed.advance(heartbeat.lsn);
      applied.advance(heartbeat.lsn);
      parts.onHeartbeat?.(heartbeat);
    },
    onProgress(lsn) {
      replayed.advance(lsn);
      applied.advance(lsn);
    },
  };
}
