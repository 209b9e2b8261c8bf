/** Owns the text form of the shared cache's state, of positions, and of messages to followers. */
import { type ClusterId } from '../base/lineage.ts';
import { toLsn, type Lsn } from '../base/lsn.ts';
import { type Applied, type FanoutMessage, type SharedState } from '../cache/ports.ts';
import { type TableTag, type Tag } from '../change/tags.ts';

/** Redis computes in doubles, which hold at most this many significant bits. */
const EXACT_BITS = 53;

/** The highest number that a double represents exactly and that is not above the position. */
export function roundedDown(lsn: Lsn): Lsn {
  const excess = BigInt(Math.max(lsn.toString(2).length - EXACT_BITS, 0));
  return ((lsn >> excess) << excess) as Lsn;
}

/** The lowest number that a double represents exactly and that is not below the position. */
export function roundedUp(lsn: Lsn): bigint {
  const excess = BigInt(Math.max(lsn.toString(2).length - EXACT_BITS, 0));
  const down: bigint = roundedDown(lsn);
  return down === lsn ? down : down + (1n << excess);
}

/**
 * The parts of the state's text before and after the holder: up to the timeline, and from the sequence to the
 * watermark.
 */
export function stateParts({ epoch, cluster, timeline, sequence, watermark }: SharedState): readonly [string, string] {
  return [`${epoch} ${cluster} ${timeline}`, `${sequence} ${watermark}`];
}

/** The state with this holder, up to its home. */
export function stateText(state: SharedState, holder: string): string {
  const [before, after] = stateParts(state);
  return `${before} ${holderText(holder)} ${after} `;
}

/** Encoded, because the parts of the state are separated by spaces. */
export function holderText(holder: string): string {
  return encodeURIComponent(holder);
}

const STATE = /^(\S+) (\S+) (\d+) \S+ (\d+) (\d+) \S+ \S+$/;

/** Null if the text is not a state. */
export function parseState(text: string): SharedState | null {
  const [, epoch, cluster, timeline, sequence, watermark] = STATE.exec(text) ?? [];
  const at = parsePosition(watermark ?? '');
  if (epoch === undefined || cluster === undefined || at === null) return null;
  return {
    epoch,
    cluster: cluster as ClusterId,
    timeline: Number(timeline),
    sequence: Number(sequence),
    watermark: at,
  };
}

const POSITION = /^\d{1,20}$/;

/** In decimal digits; null if the text is not a position. */
export function parsePosition(text: string): Lsn | null {
  return POSITION.test(text) && BigInt.asUintN(64, BigInt(text)) === BigInt(text) ? toLsn(BigInt(text)) : null;
}

export function appliedMessage({ epoch, sequence, previous, watermark, tags, tables }: Applied): string {
  return JSON.stringify(['applied', epoch, sequence, String(previous), String(watermark), tables, tags]);
}

export function beganMessage({ epoch, cluster, timeline, sequence, watermark }: SharedState): string {
  return JSON.stringify(['began', epoch, cluster, timeline, sequence, String(watermark)]);
}

/** Null if the text was not written by Meridian. */
export function parseMessage(text: string): FanoutMessage | null {
  try {
    const [kind, epoch, ...rest] = JSON.parse(text) as [string, string, ...unknown[]];
    if (kind === 'applied') {
      const [sequence, previous, watermark, tables, tags] = rest as [number, string, string, TableTag[], Tag[]];
      return {
        kind,
        applied: {
          epoch,
          sequence,
          previous: toLsn(BigInt(previous)),
          watermark: toLsn(BigInt(watermark)),
          tables: [...tables],
          tags: [...tags],
        },
      };
    }
    if (kind !== 'began') return null;
    const [cluster, timeline, sequence, watermark] = rest as [ClusterId, number, number, string];
    return { kind, state: { epoch, cluster, timeline, sequence, watermark: toLsn(BigInt(watermark)) } };
  } catch {
    return null;
  }
}
