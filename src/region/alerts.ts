/**
 * Owns when an alert is raised and cleared: pure, with hysteresis, so that a value at the limit does not cause repeated
 * alerts.
 */
import { type Alert, type HealthStatus } from './view.ts';

/** The present state of one region. */
export interface AlertInput {
  readonly region: string;
  readonly status: HealthStatus;
  readonly lagMs: number | null;
  /** Why its database cannot be reached, if it cannot. */
  readonly error: string | null;
  /** Why changes do not arrive, if they should; null while they do. */
  readonly tailProblem: string | null;
  /** Regions that claim to be the primary besides the accepted one. */
  readonly rivalPrimaries: readonly string[];
}

export interface AlertLimits {
  readonly lagAlertMs: number;
}

export interface AlertChange {
  readonly alerts: readonly Alert[];
  readonly raised: readonly Alert[];
  readonly cleared: readonly Alert[];
}

/** Lag clears below this share of the limit that raised it. */
const CLEAR_SHARE = 0.5;

type Kind = Alert['kind'];
const KINDS: readonly Kind[] = ['lag', 'unreachable', 'tail', 'primary'];

export interface NextAlertsInput {
  readonly current: readonly Alert[];
  readonly input: AlertInput;
  readonly limits: AlertLimits;
  readonly nowMs: number;
}

/** The alerts of a region after `input`, and which of them are new or cleared. `nowMs`: milliseconds since 1970. */
export function nextAlerts({ current, input, limits, nowMs }: NextAlertsInput): AlertChange {
  const raised: Alert[] = [];
  const cleared: Alert[] = [];
  const alerts: Alert[] = [];
  for (const kind of KINDS) {
    const active = current.find((alert) => alert.kind === kind);
    const message = messageFor({ kind, input, limits, active: active !== undefined });
    if (message === null) {
      if (active) cleared.push(active);
      continue;
    }
    const alert: Alert = { region: input.region, kind, message, sinceMs: active?.sinceMs ?? nowMs };
    alerts.push(alert);
    if (!active) raised.push(alert);
  }
  return { alerts, raised, cleared };
}

interface MessageForInput {
  readonly kind: Kind;
  readonly input: AlertInput;
  readonly limits: AlertLimits;
  readonly active: boolean;
}

/** The alert's message, or null if there is none to raise or keep. */
function messageFor({ kind, input, limits, active }: MessageForInput): string | null {
  const { region, lagMs } = input;
  switch (kind) {
    case 'lag': {
      const limit = active ? limits.lagAlertMs * CLEAR_SHARE : limits.lagAlertMs;
      // Lag that has become unknown is no recovery: an active alert stays.
      if (lagMs === null)
        return active
          ? `Region ${region} was more than ${limits.lagAlertMs} ms behind when its lag was last known.`
          : null;
      return lagMs > limit
        ? `Region ${region} is ${Math.round(lagMs)} ms behind the primary (limit ${limits.lagAlertMs} ms).`
        : null;
    }
    case 'unreachable':
      if (input.status === 'unreachable')
        return `The database of region ${region} cannot be reached: ${input.error ?? 'no answer'}.`;
      return active && input.status !== 'healthy'
        ? `The database of region ${region} answers again but is not proven yet.`
        : null;
    case 'tail':
      return input.tailProblem === null
        ? null
        : `Region ${region} does not follow the primary's changes: ${input.tailProblem}`;
    case 'primary':
      return input.rivalPrimaries.length === 0
        ? null
        : `Region ${region} is taken as the primary, but ${input.rivalPrimaries.join(', ')} also accepts writes: stop the older primary.`;
  }
}
