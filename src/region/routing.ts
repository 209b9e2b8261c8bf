/** Owns the order in which regions are tried for a read: this one first, then the nearest. Pure. */

export interface RouteCandidate {
  readonly region: string;
  readonly usable: boolean;
  /** Milliseconds; null if it was never measured. */
  readonly rttMs: number | null;
}

/** Usable regions: `local` first, then by round trip; one that was never measured is last. */
export function readOrderOf(local: string, candidates: readonly RouteCandidate[]): string[] {
  const distance = (c: RouteCandidate): number => (c.region === local ? -1 : (c.rttMs ?? Number.POSITIVE_INFINITY));
  return candidates
    .filter((c) => c.usable)
    .sort((a, b) => (distance(a) === distance(b) ? a.region.localeCompare(b.region) : distance(a) - distance(b)))
    .map((c) => c.region);
}
