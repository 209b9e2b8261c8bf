/** Owns the log: structured JSON lines on standard output, readable lines where that is a terminal. */
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { LogOutput } from './output.ts';

interface LogMethod {
  (fields: object, message: string): void;
  (message: string): void;
}

/** What rooms log through. Fields hold facts, never secrets, tokens or SQL parameters; an error goes under `err`. */
export interface Log {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** Whether lines of the level are written at all. */
  isLevelEnabled(level: string): boolean;
  /** A log whose lines carry `fields` too. */
  child(fields: object): Log;
}

export interface LogOptions {
  readonly level: string;
  /** Fields on every line, such as the region. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Where lines go instead of standard output. */
  readonly destination?: { write(line: string): void };
  /** Bytes of lines that may wait for a slow reader of standard output; lines beyond that are dropped. */
  readonly bufferBytes?: number;
  /** Told of each line that was dropped. */
  readonly onDropped?: () => void;
}

const DEFAULT_BUFFER_BYTES = 1 << 20;

/** Headers that carry credentials; a log line that holds a request must not hold them. */
const REDACTED = [
  'authorization',
  'cookie',
  'headers.authorization',
  'headers.cookie',
  'req.headers.authorization',
  'req.headers.cookie',
];

/** What pino itself writes into each line. */
const OWN_FIELDS = ['level', 'time', 'msg'];

/**
 * A line about another region than the one that every line names says it under a name of its own (`aboutRegion`): no
 * key stands in a line twice.
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
  // Not a destination of pino's own: at the end of the process that one writes until everything is read, however long
  // that takes.
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
 * What every request meets (a database that is down, a stranger at the door) must not fill the disk: at most `limit`
 * lines a second of each kind.
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
