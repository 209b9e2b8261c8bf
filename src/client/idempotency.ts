/** Owns idempotency keys: a mutation with a key takes effect once, however often the network or a retry sends it. */

const KEY_BYTES = 16;

/** `crypto.randomUUID` exists only in secure contexts. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
