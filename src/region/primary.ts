/** Owns which region is accepted as the primary if one, none or several claim to be. Pure. */
import { type Role } from './view.ts';

export interface Claim {
  readonly region: string;
  /** As last answered; null if never. */
  readonly role: Role | null;
  readonly timeline: number | null;
  /** Whether the last probe was answered. */
  readonly answers: boolean;
}

export interface Election {
  readonly primary: string | null;
  /** Other servers that accept writes: an old primary that nobody stopped. */
  readonly rivals: readonly string[];
}

/**
 * Among the regions that answer and claim the role, the highest timeline wins, since each promotion begins a new one;
 * if two are equal, the present primary stays. One that is older than the timeline that a replica follows has been
 * replaced, even if its successor cannot be reached from here. If no region that answers can be the primary, the
 * present one stays as long as it only fails to answer: it may be cut off and not replaced.
 */
export function electPrimary(current: string | null, claims: readonly Claim[]): Election {
  const newest = Math.max(0, ...claims.filter((c) => c.answers).map((c) => c.timeline ?? 0));
  const claiming = claims.filter((c) => c.role === 'primary' && c.answers);
  const rank = (c: Claim): number => (c.timeline ?? 0) + (c.region === current ? 0.5 : 0);
  const [winner] = claiming
    .filter((c) => (c.timeline ?? newest) >= newest)
    .sort((a, b) => rank(b) - rank(a) || a.region.localeCompare(b.region));
  const present = claims.find((c) => c.region === current);
  const unheard = present !== undefined && !present.answers && present.role === 'primary' ? present : null;
  const rivalsOf = (primary: string | null): string[] =>
    claiming.map((c) => c.region).filter((region) => region !== primary);
  // A cut-off primary on a higher timeline is not replaced by an older one that comes back.
  const primary =
    unheard !== null && (winner === undefined || (unheard.timeline ?? 0) > (winner.timeline ?? 0))
      ? unheard.region
      : (winner?.region ?? null);
  return { primary, rivals: rivalsOf(primary) };
}
