/** Owns what commands print: aligned tables on standard output, one sentence per failure on standard error. */
import { DEBUG_VARIABLE } from '../config/load.ts';
import { isMeridianError, messageOf } from '../base/errors.ts';
import { flushed } from '../telemetry/output.ts';

const FLUSH_MS = 1_000;

/** Aligned columns, the last one without padding; no trailing blanks. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A failure as text for people: a sentence and its code, with the stack only if it was asked for. */
export function failureText(error: unknown, debug: boolean): string {
  const sentence = isMeridianError(error) ? `${error.message} [${error.code}]` : `Unexpected: ${messageOf(error)}`;
  if (debug && error instanceof Error) return `${sentence}\n${stackOf(error)}`;
  return isMeridianError(error) ? sentence : `${sentence} (${DEBUG_VARIABLE}=1 shows where)`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? '';
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

/** Exits when the output has been read, or shortly after if nobody reads it. */
export async function leave(status: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => flushed(stream, FLUSH_MS)));
  process.exit(status);
}
