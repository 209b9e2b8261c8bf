/** Owns the list of scripts that run in Redis, and the names of the keys that they touch. */
import { ALL_FIGURES, LEAVE_FIGURES } from './lua/figures.ts';
import { FILL } from './lua/fill.ts';
import { ADOPT, APPLY, BEGIN } from './lua/journal.ts';
import { LOOKUP } from './lua/lookup.ts';
import { Script } from './script.ts';

export const lookupScript = new Script(LOOKUP);
export const fillScript = new Script(FILL);
export const adoptScript = new Script(ADOPT);
export const beginScript = new Script(BEGIN);
export const applyScript = new Script(APPLY);
export const leaveFiguresScript = new Script(LEAVE_FIGURES);
export const allFiguresScript = new Script(ALL_FIGURES);

export interface KeyNames {
  readonly state: string;
  /** Followed by epoch, a colon and the tag. */
  readonly entries: string;
  readonly channel: string;
  readonly figures: string;
}

/** All keys have one hash tag and thus one slot of a Cluster: what is checked and written in one step has to lie on one node. */
export function keyNames(prefix: string): KeyNames {
  const shared = `{${prefix}}`;
  return { state: `${shared}:state`, entries: `${shared}:`, channel: `${shared}:applied`, figures: `${shared}:figures` };
}
