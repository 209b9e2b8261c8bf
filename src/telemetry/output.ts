/**
 * Owns standard output as the log writes to it: whoever reads it may stop or be gone, and the process goes on and ends
 * all the same.
 */
import { type Writable } from 'node:stream';
import { within } from '../base/clock.ts';

export interface LogOutputOptions {
  /** Bytes that may wait for the reader; lines beyond that are dropped. */
  readonly maxBytes: number;
  /** Told of each dropped line. */
  readonly onDropped?: (() => void) | undefined;
}

interface Reader {
  gone: boolean;
}

/** By stream: a process has one standard output, and may have several logs. */
const READERS = new WeakMap<Writable, Reader>();

/**
 * Makes `stream` safe to write to, whatever becomes of its reader. A reader that has gone is no error of ours, and a
 * terminal is written to without waiting for it, as Node does with pipes and sockets: a terminal that shows nothing
 * more would block the process, signals and all.
 */
export function detachFromReader(stream: Writable): Reader {
  const known = READERS.get(stream);
  if (known !== undefined) return known;
  const reader: Reader = { gone: false };
  READERS.set(stream, reader);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Other errors, such as a full disk, may pass.
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET' || error.code === 'EIO') reader.gone = true;
  });
  const { isTTY, _handle: handle } = stream as {
    isTTY?: boolean;
    _handle?: { setBlocking?: (blocking: boolean) => unknown };
  };
  // Node has no public way to undo what it does for terminals alone.
  if (isTTY === true) handle?.setBlocking?.(false);
  return reader;
}

/** Waits until everything written to `stream` has been taken by its reader, at most `limitMs`. Never rejects. */
export async function flushed(stream: Writable, limitMs: number): Promise<void> {
  if (stream.writableLength === 0 || detachFromReader(stream).gone) return;
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  await within(written, limitMs, () => undefined);
}

/** Where log lines go: never blocks, never throws, and holds a bounded number of bytes for a reader that is slow. */
export class LogOutput {
  /** Told how many lines were dropped, when there is room for lines again. */
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
