/**
 * Owns writes of the log to standard output: when the reader stops reading or exits, the process continues to run and
 * can still exit.
 */
import { type Writable } from 'node:stream';
import { within } from '../base/clock.ts';

export interface LogOutputOptions {
  /** Maximum bytes that wait for the reader; further lines are dropped. */
  readonly maxBytes: number;
  /** Called for each line that is dropped. */
  readonly onDropped?: (() => void) | undefined;
}

interface Reader {
  gone: boolean;
}

/** By stream: a process has one standard output and may have several logs. */
const READERS = new WeakMap<Writable, Reader>();

/**
 * Makes writes to `stream` safe when its reader stops or exits. A reader that has exited is not an error of this
 * process. A terminal is made non-blocking, as Node does for pipes and sockets: a terminal that has stopped its output
 * would block the process, including its signal handlers.
 */
export function detachFromReader(stream: Writable): Reader {
  const known = READERS.get(stream);
  if (known !== undefined) return known;
  const reader: Reader = { gone: false };
  READERS.set(stream, reader);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Other errors, such as a full disk, may be temporary.
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET' || error.code === 'EIO') reader.gone = true;
  });
  const { isTTY, _handle: handle } = stream as {
    isTTY?: boolean;
    _handle?: { setBlocking?: (blocking: boolean) => unknown };
  };
  // Node makes terminals blocking and has no public method to change that.
  if (isTTY === true) handle?.setBlocking?.(false);
  return reader;
}

/** Waits until the reader has taken everything that was written to `stream`, at most `limitMs`. Never rejects. */
export async function flushed(stream: Writable, limitMs: number): Promise<void> {
  if (stream.writableLength === 0 || detachFromReader(stream).gone) return;
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  await within(written, limitMs, () => undefined);
}

/** The destination of log lines: never blocks, never throws, and holds a bounded number of bytes for a slow reader. */
export class LogOutput {
  /** Called with the number of dropped lines when lines can be written again. */
  onResumed: (lines: number) => void = () => undefined;
  readonly #stream: Writable;
  readonly #reader: Reader;
  readonly #options: LogOutputOptions;
  #dropped = 0;

  constructor(stream: Writable, options: LogOutputOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#reader = detachFromReader(stream);
  }

  write(line: string): void {
    if (this.#reader.gone || this.#stream.writableLength + Buffer.byteLength(line) > this.#options.maxBytes) {
      this.#dropped += 1;
      this.#options.onDropped?.();
      return;
    }
    if (this.#dropped > 0) {
      const lines = this.#dropped;
      this.#dropped = 0;
      this.onResumed(lines);
    }
    this.#stream.write(line);
  }

  /** Waits until the lines are written, at most `limitMs`. */
  flush(limitMs: number): Promise<void> {
    return flushed(this.#stream, limitMs);
  }
}
