/**
 * Owns a region's health as a pure state machine: healthy, degraded, unreachable, with hysteresis in both directions.
 */
import { type HealthStatus } from './view.ts';

/**
 * `ok`, `failed`: the result of a probe. `broken`: a statement could not reach the region, which counts more than a
 * probe.
 */
export type HealthEvent = 'ok' | 'failed' | 'broken';

export interface HealthState {
  readonly status: HealthStatus;
  /**
   * Whether reads and writes may be sent there. A region that begins to fail is used until it is unreachable; one that
   * comes back only after several good probes.
   */
  readonly usable: boolean;
  /** Consecutive failures. */
  readonly failures: number;
  /** Good probes in a row that are still needed to count as healthy. */
  readonly proving: number;
}

export interface HealthLimits {
  readonly failuresToUnreachable: number;
  readonly successesToHealthy: number;
}

/** Before the first probe nothing is known, and one good probe is enough: a start does not wait for hysteresis. */
export const UNPROVEN: HealthState = { status: 'degraded', usable: false, failures: 0, proving: 1 };

/** The state after `event`. Total: defined for every state and event. */
export function nextHealth(state: HealthState, event: HealthEvent, limits: HealthLimits): HealthState {
  if (event === 'ok') {
    const proving = Math.max(0, state.proving - 1);
    if (proving === 0) return { status: 'healthy', usable: true, failures: 0, proving };
    return { status: 'degraded', usable: state.usable, failures: 0, proving };
  }
  const failures = Math.min(state.failures + 1, limits.failuresToUnreachable);
  const out = failures >= limits.failuresToUnreachable;
  return {
    status: out ? 'unreachable' : 'degraded',
    usable: event === 'failed' && state.usable && !out,
    failures,
    proving: limits.successesToHealthy,
  };
}
