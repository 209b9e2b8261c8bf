/**
 * Owns JSON in ASCII alone: it can be stored in a database of any encoding, as text or as a string within other JSON.
 */

/** Throws `TypeError` as `JSON.stringify` does, which also has nothing for what is no value. */
export function asciiJson(value: unknown, replacer?: (this: unknown, key: string, value: unknown) => unknown): string {
  return JSON.stringify(value, replacer).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
