/** Owns the log: structured JSON lines on standard output, readable lines where that is a terminal. */
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { LogOutput } from './output.ts';

interface LogMethod {
  (fields: object, message: string): void;
  (message: string): void;
}

/**
 * The log interface of all modules. Fields hold facts, never secrets, tokens or SQL parameters; an error goes under
 * `err`.
 */
export interface Log {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** Whether lines of the level are written. */
  isLevelEnabled(level: string): boolean;
  /** A log that adds `fields` to each of its lines. */
  child(fields: object): Log;
}

export interface LogOptions {
  readonly level: string;
  /** Fields of every line, such as the region. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Where lines are written instead of standard output. */
  readonly destination?: { write(line: string): void };
  /** Maximum bytes of lines that wait for a slow reader of standard output; further lines are dropped. */
  readonly bufferBytes?: number;
  /** Called for each line that is dropped. */
  readonly onDropped?: () => void;
}

const DEFAULT_BUFFER_BYTES = 1 << 20;

/** Headers that carry credentials, redacted from every line. */
const REDACTED = [
  'authorization',
  'cookie',
  'headers.authorization',
  'headers.cookie',
  'req.headers.authorization',
  'req.headers.cookie',
];

/** The fields that pino writes into each line. */
const OWN_FIELDS = ['level', 'time', 'msg'];

/**
 * Renames a field that every line already has (`region` becomes `aboutRegion`), so that no key appears in a line
 * twice.
 */
function apartFrom(taken: ReadonlySet<string>, fields: Record<string, unknown>): Record<string, unknown> {
  if (!Object.keys(fields).some((name) => taken.has(name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      taken.has(name) ? `about${name.charAt(0).toUpperCase()}${name.slice(1)}` : name,
      value,
    ]),
  );
}

export function createLog(options: LogOptions): Log {
  const taken = new Set([...OWN_FIELDS, ...Object.keys(options.fields ?? {})]);
  const settings = {
    level: options.level,
    base: options.fields ?? {},
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: REDACTED,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => apartFrom(taken, fields),
    },
  };
  if (options.destination) return pino(settings, options.destination);
  // pino's own destination blocks at the exit of the process until everything is read, without a time limit.
  const output = new LogOutput(process.stdout, {
    maxBytes: options.bufferBytes ?? DEFAULT_BUFFER_BYTES,
    onDropped: options.onDropped,
  });
  const log = pino(settings, process.stdout.isTTY ? readable(output) : output);
  output.onResumed = (dropped) =>
    log.warn({ dropped }, 'log lines were dropped, since nobody read the log fast enough (logBufferBytes)');
  return log;
}

function readable(output: LogOutput): { write(line: string): void } {
  const format = prettyFactory({ translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' });
  return { write: (line) => output.write(format(line)) };
}

/**
 * Limits the lines of each kind to `limit` a second: an event that every request causes (a database that is down,
 * refused credentials) must not fill the disk.
 */
export function perSecond(limit: number): (kind: string) => boolean {
  const said = new Map<string, { second: number; lines: number }>();
  return (kind) => {
    const second = Math.floor(performance.now() / 1_000);
    const known = said.get(kind);
    if (known?.second !== second) {
      said.set(kind, { second, lines: 1 });
      return true;
    }
    known.lines += 1;
    return known.lines <= limit;
  };
}
