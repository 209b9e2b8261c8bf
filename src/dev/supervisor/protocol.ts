/** Owns what the cluster and its supervisor say to each other: requests down, reports up, one JSON message each. */

/** A signal and the time after which it is sent if the process still lives, milliseconds since the stop began. */
export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly afterMs: number;
}

export interface SpawnSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Unprivileged account to run under; absent: the user's own. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  /** File that both outputs are appended to; absent: the last part of the output is kept and comes with the exit. */
  readonly log?: string | undefined;
  /** What the process reads on its input; absent: the input stays open for as long as the supervisor lives. */
  readonly input?: string | undefined;
  /** Whether signals go to the process and everything that it has started, rather than to it alone. */
  readonly group: boolean;
  readonly stop: readonly StopStep[];
}

export type Request =
  | { readonly type: 'spawn'; readonly id: number; readonly spec: SpawnSpec }
  | { readonly type: 'stop'; readonly id: number }
  /**
   * The cluster ends in order: everything may take its time. Without it, the end of the channel means that the cluster
   * was killed.
   */
  | { readonly type: 'leave'; readonly id: 0 }
  | { readonly type: 'kill'; readonly id: number; readonly signal: NodeJS.Signals };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what was written, when no log file was asked for. */
  readonly output: string;
}

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly type: 'failed'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly type: 'exited'; readonly id: number; readonly exit: Exit };

/**
 * Once the cluster's process was killed nobody is waiting for a good end: each step comes this much after the one
 * before.
 */
export const SHORT_STEP_MS = 750;
/** A program that is done when it is done, and may be ended at any time. */
export const STOP_COMMAND: readonly StopStep[] = [
  { signal: 'SIGTERM', afterMs: 0 },
  { signal: 'SIGKILL', afterMs: 2_000 },
];
/** PostgreSQL: fast shutdown, then immediate, then none at all; recovery fixes what is left. */
export const STOP_POSTGRES: readonly StopStep[] = [
  { signal: 'SIGINT', afterMs: 0 },
  { signal: 'SIGQUIT', afterMs: 5_000 },
  { signal: 'SIGKILL', afterMs: 8_000 },
];
/** A server of ours: drained by SIGTERM, ended when that takes too long. */
export const DRAIN_MS = 5_000;
export const STOP_SERVER: readonly StopStep[] = [
  { signal: 'SIGTERM', afterMs: 0 },
  { signal: 'SIGKILL', afterMs: DRAIN_MS },
];
