/** Owns values that nobody can change, since several readers have the same one. */

/** Freezes `value` and all that it holds. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) frozen(item);
  return Object.freeze(value);
}
