/**
 * Owns the construction of forwarding: the signer and verifier of envelopes, and the decision which way mutations take.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type Config } from '../../config/load.ts';
import { listed } from '../../config/option.ts';
import { type TokenCodec } from '../../consistency/token.ts';
import { MutationSender } from '../../forwarding/sender.ts';
import { ForwardGate, forwardKeys } from '../../forwarding/signature.ts';
import { type RegionMonitor } from '../../region/monitor.ts';
import { type ForwardSettings } from '../../server/forward-receiver.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { type ServerState } from '../../forwarding/decision.ts';
import { Forwarding, type SentTokens } from '../../forwarding/forwarding.ts';
import { type PeerAnswers } from '../peer-health.ts';

export interface ForwardingParts {
  readonly sender: MutationSender;
  readonly forwarding: Forwarding;
  /** What the endpoint for forwarded mutations needs. */
  readonly forwardGate: ForwardSettings;
  /** What is known of a region's server. */
  readonly serverState: (region: string) => ServerState;
}

export interface ForwardingInput {
  readonly config: Config;
  readonly telemetry: Telemetry;
  readonly codec: TokenCodec;
  readonly monitor: RegionMonitor;
  readonly peers: PeerAnswers<boolean>;
}

export function createForwarding({ config, telemetry, codec, monitor, peers }: ForwardingInput): ForwardingParts {
  const { options, region: local, regions } = config;
  const { log, metrics } = telemetry;
  const keys = forwardKeys(listed(options.forwardSecret || options.tokenSecret));
  const [key] = keys;
  if (key === undefined)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message:
        'forwardSecret holds no secret to sign forwarded mutations with; give one, or leave it out for the one that tokenSecret makes.',
    });
  const serverUrls = new Map(regions.flatMap(({ name, serverUrl }) => (serverUrl === null ? [] : [[name, serverUrl]])));
  const serverState = (region: string): ServerState => {
    if (!serverUrls.has(region)) return 'none';
    const ready = peers.of(region);
    return ready === null ? 'unknown' : ready ? 'ready' : 'down';
  };
  const observe = (token: string, sent: SentTokens): void => {
    try {
      const { cluster, history } = monitor;
      if (cluster === null || history === null) return;
      const [position, named] = [codec.decode(token), codec.decodeBoth(sent).merged].map((positions) =>
        positions.get(cluster),
      );
      // The positions that the client has named are returned whatever became of them; positions of another timeline
      // cannot be compared.
      if (position?.timeline === history.timeline && position.lsn !== named?.lsn)
        monitor.observePrimaryLsn(position.lsn);
    } catch (error) {
      if (!isMeridianError(error)) throw error;
      log.warn(
        { err: error },
        'The token of a forwarded mutation cannot be read here: give every region the same tokenSecret and tokenClusters.',
      );
    }
  };
  const sender = new MutationSender({ local, serverUrls, key, limits: options });
  const refresh = (): void =>
    void monitor.refresh().catch((error: unknown) => log.debug({ err: error }, 'Looking for the primary failed.'));
  return {
    sender,
    serverState,
    forwarding: new Forwarding({
      options,
      view: monitor,
      server: serverState,
      transport: sender,
      onAnswer: observe,
      log,
      metrics,
    }),
    forwardGate: {
      gate: new ForwardGate({
        keys,
        region: local,
        windowMs: options.forwardMs + options.clockToleranceMs,
        maxNonces: options.forwardNonces,
      }),
      isPrimary: () => monitor.primary === local,
      onMistaken: refresh,
    },
  };
}
