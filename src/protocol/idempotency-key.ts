/** Owns the idempotency-key header: its spellings, and the key that they name. */
import { MeridianError } from '../base/errors.ts';
import { KEY_HEADER } from './headers.ts';

/**
 * The characters that may follow a backslash in a quoted string, and the others that a string may contain (RFC 8941).
 */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const PLAIN = /^[\x21\x23-\x2b\x2d-\x7e](?:[\x20\x21\x23-\x2b\x2d-\x7e]*[\x21\x23-\x2b\x2d-\x7e])?$/;
/** A member of the header's list; a comma within quotes does not end it. */
const MEMBER = /(?:"(?:[^"\\]|\\.)*"|[^,"])+|(?<=^|,)(?=,|$)/g;

/**
 * The key that the header names: a quoted string, as in the IETF's draft, or the same without quotes. A proxy may send
 * the header twice, but two different keys are refused. Throws `IDEMPOTENCY_KEY_INVALID`.
 */
export function readKey(header: string, maxBytes: number): string {
  // Longer than every spelling of a valid key that is sent twice.
  if (header.length > 4 * maxBytes + 8) throw invalid(`is longer than ${maxBytes} bytes`);
  const members = header.match(MEMBER) ?? [''];
  if (members.join(',') !== header) throw invalid('has a quote that does not end');
  const [key, ...others] = members.map((member) => keyOf(member.trim()));
  if (key === undefined || others.some((other) => other !== key))
    throw invalid('names several keys (one with a comma must stand in quotes)');
  if (key.length > maxBytes) throw invalid(`is longer than ${maxBytes} bytes`);
  return key;
}

/** A key from code, unchanged. Throws `IDEMPOTENCY_KEY_INVALID`. */
export function checkedKey(key: string, maxBytes: number): string {
  if (key === '') throw invalid('is empty', 'The key of a transaction that takes place once');
  if (Buffer.byteLength(key) > maxBytes)
    throw invalid(`is longer than ${maxBytes} bytes`, 'The key of a transaction that takes place once');
  return key;
}

function keyOf(member: string): string {
  const quoted = QUOTED.exec(member)?.[1]?.replaceAll(/\\(.)/g, '$1');
  const key = quoted ?? (PLAIN.test(member) ? member : undefined);
  if (member === '' || quoted === '') throw invalid('is empty');
  if (key === undefined) throw invalid('has characters that are not printable ASCII, or a quote inside the key');
  return key;
}

function invalid(why: string, what = `The header ${KEY_HEADER}`): MeridianError {
  return new MeridianError({
    code: 'IDEMPOTENCY_KEY_INVALID',
    message: `${what} ${why}; send one key for each request, such as a UUID.`,
  });
}
