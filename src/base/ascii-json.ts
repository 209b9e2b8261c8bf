/**
 * Owns JSON that consists of ASCII only: it can be stored in a database of any encoding, as text or as a string inside
 * other JSON.
 */

/** Throws `TypeError` where `JSON.stringify` does, and where it returns undefined. */
export function asciiJson(value: unknown, replacer?: (this: unknown, key: string, value: unknown) => unknown): string {
  return JSON.stringify(value, replacer).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
