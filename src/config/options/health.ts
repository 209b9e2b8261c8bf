/** Owns the options of health and alerts. */
import { count, milliseconds, option, url } from '../option.ts';

export const HEALTH_OPTIONS = {
  probeMs: option(milliseconds(50), {
    default: 500,
    group: 'health',
    help: 'Interval between two probes of a region.',
  }),
  probeTimeoutMs: option(milliseconds(), { default: 1_000, group: 'health', help: 'Time limit of one probe.' }),
  failuresToUnreachable: option(count(), {
    default: 3,
    group: 'health',
    help: 'Failed probes in a row before a region counts as unreachable.',
  }),
  successesToHealthy: option(count(), {
    default: 2,
    group: 'health',
    help: 'Good probes in a row before a region counts as healthy again.',
  }),
  lagAlertMs: option(milliseconds(), {
    default: 5_000,
    group: 'health',
    help: 'Replication lag above which an alert is raised.',
  }),
  alertWebhook: option(url('http', 'https'), {
    default: '',
    group: 'health',
    secret: true,
    help: 'URL that receives a POST when an alert is raised or cleared; empty for none.',
  }),
  alertWebhookMs: option(milliseconds(), {
    default: 3_000,
    group: 'health',
    help: 'Time limit of one POST to alertWebhook.',
  }),
  alertWebhookTries: option(count(1, 100), {
    default: 3,
    group: 'health',
    help: 'How often one alert is posted before it is given up.',
  }),
  alertQueue: option(count(), {
    default: 100,
    group: 'health',
    help: 'Alerts that may wait for the webhook; the oldest is dropped beyond that.',
  }),
};
