/**
 * Owns what tests observe of a running server: how many statements it sent, and waiting for a condition within a bound.
 */
import { stacksOf } from '../../src/app/layer.ts';
import { type TestApp } from './app.ts';

export type StatementKind = 'read' | 'write' | 'snapshot';

/**
 * SQL statements that a region's server has sent so far, to whatever region's database, for the operations it answered.
 */
export async function statementsSent(
  app: TestApp,
  region: string,
  kinds: readonly StatementKind[] = ['read', 'write', 'snapshot'],
): Promise<number> {
  const { values } = await stacksOf(app.server(region).layer).telemetry.metrics.statements.get();
  return values
    .filter(({ labels }) => (kinds as readonly unknown[]).includes(labels.kind))
    .reduce((sum, { value }) => sum + value, 0);
}

/** What `work` came to, and how many statements the region's server sent for it. */
export async function counting<T>(
  app: TestApp,
  region: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly statements: number }> {
  const before = await statementsSent(app, region);
  const value = await work();
  return { value, statements: (await statementsSent(app, region)) - before };
}

export interface UntilOptions {
  /** Throws beyond it; default 15 s: a busy machine is slow. */
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks until the answer is no longer null, false or undefined, and returns it. Throws with the condition's name when
 * time is up.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { withinMs = 15_000, everyMs = 20 }: UntilOptions = {},
): Promise<T> {
  for (const end = performance.now() + withinMs; ; await new Promise((resolve) => setTimeout(resolve, everyMs))) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
  }
}
