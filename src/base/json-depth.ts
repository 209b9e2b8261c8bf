/** Owns how deep a value of JSON nests. */
import { JsonNumber } from './json.ts';

/** Level by level instead of by recursion: what it looks for would exhaust the stack of whoever follows it down. */
export function isDeeper(value: unknown, limit: number): boolean {
  let level = isNested(value) ? [value] : [];
  for (let depth = 0; depth <= limit; depth += 1) {
    const below: object[] = [];
    let isEmpty = true;
    for (const item of level) {
      for (const child of Object.values(item) as unknown[]) {
        isEmpty = false;
        if (isNested(child)) below.push(child);
      }
    }
    if (isEmpty) return false;
    level = below;
  }
  return true;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof JsonNumber);
}
