/** Owns the messages between the cluster and its supervisor: requests and reports, one JSON message each. */

/** A signal, and how many milliseconds after the beginning of the stop it is sent if the process still runs. */
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
  /**
   * File to which both outputs are appended; absent: the last part of the output is kept and returned with the exit.
   */
  readonly log?: string | undefined;
  /** The text that the process reads on its input; absent: the input stays open until the supervisor ends. */
  readonly input?: string | undefined;
  /** Whether signals are sent to the process and everything that it has started, or to it alone. */
  readonly group: boolean;
  readonly stop: readonly StopStep[];
}

export type Request =
  | { readonly type: 'spawn'; readonly id: number; readonly spec: SpawnSpec }
  | { readonly type: 'stop'; readonly id: number }
  /** A file or folder to remove when the supervisor ends. */
  | { readonly type: 'discard'; readonly id: 0; readonly path: string }
  /**
   * An orderly end: every process may take its time. If the channel closes without this message, the cluster was
   * killed.
   */
  | { readonly type: 'leave'; readonly id: 0 }
  | { readonly type: 'kill'; readonly id: number; readonly signal: NodeJS.Signals };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of the output, if no log file was asked for. */
  readonly output: string;
}

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly type: 'failed'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly type: 'exited'; readonly id: number; readonly exit: Exit };

/** The interval of stop steps after the cluster's process was killed, when nobody waits for an orderly end. */
export const SHORT_STEP_MS = 750;
/** A program that ends by itself and may be killed at any time. */
export const STOP_COMMAND: readonly StopStep[] = [
  { signal: 'SIGTERM', afterMs: 0 },
  { signal: 'SIGKILL', afterMs: 2_000 },
];
/** PostgreSQL: fast shutdown, then immediate shutdown, then SIGKILL; recovery repairs the rest. */
export const STOP_POSTGRES: readonly StopStep[] = [
  { signal: 'SIGINT', afterMs: 0 },
  { signal: 'SIGQUIT', afterMs: 5_000 },
  { signal: 'SIGKILL', afterMs: 8_000 },
];
/** A Meridian server: drained by SIGTERM, killed if that takes too long. */
export const DRAIN_MS = 5_000;
export const STOP_SERVER: readonly StopStep[] = [
  { signal: 'SIGTERM', afterMs: 0 },
  { signal: 'SIGKILL', afterMs: DRAIN_MS },
];
