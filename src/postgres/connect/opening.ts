/**
 * Owns the validation of messages until the session is open: messages on which the driver's parser would fail or never
 * finish are not passed to it.
 */

/** The message type and its length. */
const HEAD_BYTES = 5;
/** The length includes itself. */
const LENGTH_BYTES = 4;
/** Maximum length of one message: start-up messages and errors are much shorter. */
const MAX_BYTES = 1 << 20;
const [ERROR, NOTICE, READY] = ['E', 'N', 'Z'].map((type) => type.charCodeAt(0));

/** Follows the messages of one connection, however they are split into chunks. */
export class Opening {
  #rest = Buffer.alloc(0);
  #isOpen = false;

  /**
   * What is wrong with the messages that this chunk completes; null: nothing. Once the session is open, nothing is
   * checked any more.
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

/** Each field is a letter and a zero-terminated text; a further zero byte ends the list. */
function isTerminated(fields: Buffer): boolean {
  if (fields.at(-1) !== 0) return false;
  return fields.length === 1 || fields.at(-2) === 0;
}
