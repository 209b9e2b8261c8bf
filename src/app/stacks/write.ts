/**
 * Owns where a process writes: the primary, directly or by forwarding, and the removal of what writing keeps for a
 * limited time.
 */
import { Pruner } from '../../postgres/setup/prune.ts';
import { PostgresWriter } from '../../postgres/write/writer.ts';
import { createForwarding, type ForwardingParts } from './forwarding.ts';
import { keepWarm } from '../warm.ts';
import { type Ground, type Stack } from './ground.ts';
import { type HealthStack } from './health.ts';
import { Loops } from './loops.ts';

export class WriteStack implements Stack {
  readonly writer: PostgresWriter;
  readonly forwarding: ForwardingParts['forwarding'];
  /** What the endpoint for forwarded mutations needs. */
  readonly forwardGate: ForwardingParts['forwardGate'];
  /** What is known of a region's server. */
  readonly serverState: ForwardingParts['serverState'];
  readonly #ground: Ground;
  readonly #health: HealthStack;
  readonly #sender: ForwardingParts['sender'];
  readonly #pruner: Pruner;
  readonly #loops: Loops;

  constructor(ground: Ground, health: HealthStack) {
    const { config, telemetry, codec, own, databaseUrls } = ground;
    const { options, region: local } = config;
    const { log, metrics } = telemetry;
    const { monitor, peers } = health;
    this.#ground = ground;
    this.#health = health;
    this.#loops = new Loops(log);
    this.writer = new PostgresWriter({
      limits: options,
      cluster: () => monitor.cluster,
      metrics,
      view: monitor,
      databaseUrls,
      log,
      onCommit: ({ lsn }) => monitor.observePrimaryLsn(lsn),
    });
    const { sender, forwarding, forwardGate, serverState } = createForwarding({
      config,
      telemetry,
      codec,
      monitor,
      peers,
    });
    this.#sender = sender;
    this.forwarding = forwarding;
    this.forwardGate = forwardGate;
    this.serverState = serverState;
    this.#pruner = new Pruner({
      databaseUrl: own.databaseUrl,
      isPrimary: () => monitor.primary === local,
      options,
      log,
    });
  }

  async start(): Promise<void> {
    this.#loops.run((signal) => this.#pruner.run(signal));
    this.#loops.run((signal) => keepWarm(() => this.#warm(), signal));
    await this.#warm();
  }

  async stop(): Promise<void> {
    await this.#loops.stop();
    await Promise.allSettled([this.writer.close(), this.#sender.close()]);
  }

  /** Never throws: probes handle servers that cannot be reached. */
  async #warm(): Promise<void> {
    await Promise.allSettled([this.writer.warm(), this.#warmForwarding()]);
  }

  /** Connections to a server that is not ready are closed and none is opened. */
  async #warmForwarding(): Promise<void> {
    const { primary, local } = this.#health.monitor;
    if (primary === null || primary === local || this.#ground.config.options.writes === 'direct') return;
    if (this.serverState(primary) === 'down') await this.#sender.drop(primary);
    else await this.#sender.warm(primary);
  }
}
