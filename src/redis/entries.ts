/** Owns the text format of entries in Redis: first the parts that scripts compare, then the value. */
import { type ClusterId } from '../base/lineage.ts';
import { type Entry } from '../cache/ports.ts';
import { parsePosition, roundedDown } from './state.ts';

/** The nonce of an entry with one tag, which has no markers. */
export const NO_NONCE = '-';

export function entryText({ asOf, seen, expiresAtMs, body }: Entry, nonce: string): string {
  return `${roundedDown(asOf)} ${nonce} ${Math.floor(expiresAtMs)} ${seen.cluster} ${seen.timeline} ${seen.lsn} ${body}`;
}

const HEAD = /^(\d+) \S+ (\d+) (\S+) (\d+) (\d+) /;

/** Null if the text was not written by Meridian. */
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
