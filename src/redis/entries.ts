/** Owns how entries are written in Redis: what scripts look at first, the value last. */
import { type ClusterId } from '../base/lineage.ts';
import { type Entry } from '../cache/ports.ts';
import { parsePosition, roundedDown } from './state.ts';

/** Where an entry has one tag, nothing has to agree with it. */
export const NO_NONCE = '-';

export function entryText({ asOf, seen, expiresAtMs, body }: Entry, nonce: string): string {
  return `${roundedDown(asOf)} ${nonce} ${Math.floor(expiresAtMs)} ${seen.cluster} ${seen.timeline} ${seen.lsn} ${body}`;
}

const HEAD = /^(\d+) \S+ (\d+) (\S+) (\d+) (\d+) /;

/** Null where nobody of ours wrote it. */
export function parseEntry(text: string): Entry | null {
  const match = HEAD.exec(text);
  if (match === null) return null;
  const [head, asOfText = '', expiresAtMs, cluster, timeline, lsnText = ''] = match;
  const [asOf, lsn] = [parsePosition(asOfText), parsePosition(lsnText)];
  if (asOf === null || lsn === null) return null;
  return {
    asOf,
    seen: { cluster: cluster as ClusterId, timeline: Number(timeline), lsn },
    expiresAtMs: Number(expiresAtMs),
    body: text.slice(head.length),
  };
}
