/**
 * Owns what a server may say until the session is open: messages that the driver's parser would fail on, or never end
 * with, are not given to it.
 */

/** Type and length. */
const HEAD_BYTES = 5;
/** The length counts itself. */
const LENGTH_BYTES = 4;
/** Of one message: a server greets in less, and an error is a few lines. */
const MAX_BYTES = 1 << 20;
const [ERROR, NOTICE, READY] = ['E', 'N', 'Z'].map((type) => type.charCodeAt(0));

/** Follows the messages of one connection, whatever the pieces in which they come. */
export class Opening {
  #rest = Buffer.alloc(0);
  #isOpen = false;

  /**
   * What is wrong with the messages of which this piece is the end; null: nothing. Not asked any more once the session
   * is open.
   */
  problem(piece: Buffer): string | null {
    if (this.#isOpen) return null;
    this.#rest = Buffer.concat([this.#rest, piece]);
    while (!this.#isOpen && this.#rest.length >= HEAD_BYTES) {
      const length = this.#rest.readUInt32BE(1);
      if (length < LENGTH_BYTES || length > MAX_BYTES) return `a message of ${length} bytes`;
      const end = 1 + length;
      if (this.#rest.length < end) return null;
      const [type] = this.#rest;
      if ((type === ERROR || type === NOTICE) && !isTerminated(this.#rest.subarray(HEAD_BYTES, end)))
        return 'an error or a notice without an end';
      this.#isOpen = type === READY;
      this.#rest = this.#rest.subarray(end);
    }
    return null;
  }
}

/** Fields are a letter and a text that ends with a zero byte; another zero byte ends them all. */
function isTerminated(fields: Buffer): boolean {
  if (fields.at(-1) !== 0) return false;
  return fields.length === 1 || fields.at(-2) === 0;
}
