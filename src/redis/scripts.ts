/** Owns the list of scripts that run in Redis, and the names of the keys that they use. */
import { Script } from './script.ts';

export const lookupScript = new Script('now.lua', 'common.lua', 'lookup.lua');
export const fillScript = new Script('now.lua', 'common.lua', 'fill.lua');
export const adoptScript = new Script('home.lua', 'common.lua', 'adopt.lua');
export const beginScript = new Script('home.lua', 'begin.lua');
export const applyScript = new Script('home.lua', 'common.lua', 'apply.lua');
export const leaveFiguresScript = new Script('now.lua', 'leave-figures.lua');
export const allFiguresScript = new Script('now.lua', 'all-figures.lua');

export interface KeyNames {
  readonly state: string;
  /** Prefix of an entry's key; followed by the epoch, a colon and the tag. */
  readonly entries: string;
  readonly channel: string;
  readonly figures: string;
}

/**
 * All keys have the same hash tag and are therefore in one slot of a Cluster, since the keys of one script must be on
 * one node.
 */
export function keyNames(prefix: string): KeyNames {
  const shared = `{${prefix}}`;
  return {
    state: `${shared}:state`,
    entries: `${shared}:`,
    channel: `${shared}:applied`,
    figures: `${shared}:figures`,
  };
}
