/** Owns the encoding of bodies in the shared cache: large bodies are compressed if that makes them clearly smaller. */
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';

const deflate = promisify(deflateRaw);

/**
 * Below this length inflating costs a hit as much as reading the rows, and saves little. At this length 4 KiB of rows
 * become 1.5 KiB in 15 µs.
 */
const SMALLEST = 4_096;
/** A body that does not shrink by a quarter is stored uncompressed. */
const LARGEST_SHARE = 0.75;
const DEFLATED = '~z';
/** Prefix of an uncompressed text that begins like a mark. */
const PLAIN = '~=';

/** Compresses outside the event loop. */
export async function packed(text: string): Promise<string> {
  if (text.length >= SMALLEST) {
    // The fastest level: higher ones take five times as long for a fifth less.
    const deflated = await deflate(text, { level: constants.Z_BEST_SPEED });
    const short = DEFLATED + deflated.toString('base64');
    if (short.length <= text.length * LARGEST_SHARE) return short;
  }
  return text.startsWith('~') ? PLAIN + text : text;
}

/** Throws if the body is damaged, or longer than `maxBytes`. */
export function unpacked(body: string, maxBytes: number): string {
  if (!body.startsWith('~')) return body;
  const rest = body.slice(DEFLATED.length);
  if (body.startsWith(PLAIN)) return rest;
  if (!body.startsWith(DEFLATED)) throw new SyntaxError('the body of a cached value begins with an unknown mark');
  return inflateRawSync(Buffer.from(rest, 'base64'), { maxOutputLength: maxBytes }).toString();
}
