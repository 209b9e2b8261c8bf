/** Owns tokens and storages for tests of clients: tokens as a server signs them, and what a server makes of several. */
import { mergePositions } from '../../src/consistency/positions.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { type ClusterId, type Position } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { type TokenStorage } from '../../src/client/held.ts';

const codec = new TokenCodec({ secrets: ["a secret of clients' tests"], maxTokenBytes: 65_536 });

/** A token of `cluster: [timeline, lsn]`; clusters have one letter. */
export function token(positions: Readonly<Record<string, readonly [number, number]>>): string {
  const all = Object.entries(positions).map(([name, [timeline, lsn]]): [ClusterId, Position] => {
    const cluster = name.padEnd(8, '_') as ClusterId;
    return [cluster, { cluster, timeline, lsn: toLsn(BigInt(lsn)) }];
  });
  return codec.encode(new Map(all)) ?? '';
}

/** What a server takes as the floor of these tokens together, as `A:1/900 B:1/3`. */
export function floorOf(tokens: readonly string[]): string {
  return [...mergePositions(...tokens.map((one) => codec.decode(one))).values()]
    .map(({ cluster, timeline, lsn }) => `${cluster[0]}:${timeline}/${lsn}`)
    .sort()
    .join(' ');
}

export class MemoryStorage implements TokenStorage {
  readonly entries = new Map<string, string>();

  get length(): number {
    return this.entries.size;
  }
  key(index: number): string | null {
    return [...this.entries.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.entries.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.entries.set(key, value);
  }
  removeItem(key: string): void {
    this.entries.delete(key);
  }
}
