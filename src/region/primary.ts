/** Owns which region is taken as the primary when one, none or several claim to be. Pure. */
import { type Role } from './view.ts';

export interface Claim {
  readonly region: string;
  /** As last heard; null when never. */
  readonly role: Role | null;
  readonly timeline: number | null;
  /** Whether the last probe was answered. */
  readonly answers: boolean;
}

export interface Election {
  readonly primary: string | null;
  /** Others that accept writes just as well: an old primary that nobody stopped. */
  readonly rivals: readonly string[];
}

/**
 * Of the regions that answer and claim the role, the highest timeline wins, since each promotion begins a new one; at a tie the present one
 * stays. When nobody who answers claims it, the present primary stays while it is merely unheard: it may be cut off, not replaced.
 */
export function electPrimary(current: string | null, claims: readonly Claim[]): Election {
  const claiming = claims.filter((c) => c.role === 'primary' && c.answers);
  const rank = (c: Claim): number => (c.timeline ?? 0) + (c.region === current ? 0.5 : 0);
  const [winner, ...rivals] = claiming.sort((a, b) => rank(b) - rank(a) || a.region.localeCompare(b.region));
  const present = claims.find((c) => c.region === current);
  if (winner === undefined) return { primary: present !== undefined && present.role === 'primary' ? current : null, rivals: [] };
  // A cut-off primary on a higher timeline is not unseated by an older one that comes back.
  if (present !== undefined && !present.answers && present.role === 'primary' && (present.timeline ?? 0) > (winner.timeline ?? 0)) {
    return { primary: current, rivals: claiming.map((c) => c.region) };
  }
  return { primary: winner.region, rivals: rivals.map((c) => c.region) };
}
