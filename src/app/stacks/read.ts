/** Owns where a process reads: every region's server, and the engine that chooses between them. */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { maxLsn, type Lsn } from '../../base/lsn.ts';
import { type Viewer } from '../../base/viewer.ts';
import { PostgresServer } from '../../postgres/read/server.ts';
import { UncachedNotes } from '../../read/custom/read.ts';
import { ReadEngine, type ReadSession } from '../../read/session/engine.ts';
import { type Setting } from '../../read/ports.ts';
import { settingsMaker } from '../../read/settings.ts';
import { publishPools } from '../gauges.ts';
import { keepWarm } from '../warm.ts';
import { type ChangeStack } from './change.ts';
import { type Ground, type Stack } from './ground.ts';
import { type HealthStack } from './health.ts';
import { Loops } from './loops.ts';

/** What the reads of one operation start with. */
export interface Asked {
  /** A consistency token, or several joined by commas. */
  readonly token?: string | null | undefined;
  /** What a gateway has seen so far in the operation. */
  readonly floor?: string | undefined;
  readonly settings?: readonly Setting[];
  readonly signal?: AbortSignal | undefined;
}

export class ReadStack implements Stack {
  /** By region name. */
  readonly servers: ReadonlyMap<string, PostgresServer>;
  readonly engine: ReadEngine;
  /**
   * The settings that `viewerSettings` derives from a viewer. Throws `FORBIDDEN` for a viewer that no setting can
   * represent.
   */
  readonly settingsOf: (viewer: Viewer | null) => readonly Setting[];
  /** In development, logs once why a custom read is not cached. */
  readonly notes: UncachedNotes | null;
  readonly #ground: Ground;
  readonly #health: HealthStack;
  readonly #loops: Loops;
  #stopGauges: () => void = () => undefined;

  constructor(
    ground: Ground,
    health: HealthStack,
    { applied, replayed, caching }: Pick<ChangeStack, 'applied' | 'replayed' | 'caching'>,
  ) {
    const {
      config: { options: limits, region: local },
      telemetry: { log, metrics },
      databaseUrls,
    } = ground;
    const { monitor } = health;
    const shared = { limits, cluster: () => monitor.cluster, metrics };
    this.#ground = ground;
    this.#health = health;
    this.#loops = new Loops(log);
    this.servers = new Map(
      [...databaseUrls].map(([region, databaseUrl]) => {
        const own =
          region === local ? { watermark: () => highest([applied.lsn, replayed.lsn, caching.watermark]) } : {};
        return [region, new PostgresServer({ ...shared, region, databaseUrl, log, ...own })];
      }),
    );
    this.engine = new ReadEngine({ view: monitor, replayed, servers: this.servers, limits, metrics });
    this.settingsOf = settingsMaker(limits.viewerSettings);
    this.notes = process.env['NODE_ENV'] === 'production' ? null : new UncachedNotes(log);
  }

  /**
   * Starts the reads of one operation. Throws if its tokens are wrong. Throws `REGION_UNAVAILABLE` for a token while no
   * database has been reached yet: it is then unknown which of the token's positions is this cluster's, and ignoring
   * the token would claim a consistency that does not exist.
   */
  openSession({ token: header, floor, settings = [], signal }: Asked = {}): ReadSession {
    const {
      codec,
      config: { region },
    } = this.#ground;
    const named: Position[] = [];
    const { token: own, merged: token } = codec.decodeBoth({ token: header, floor }, (position) =>
      named.push(position),
    );
    if (token.size > 0 && this.#health.monitor.cluster === null) {
      throw new MeridianError({
        code: 'REGION_UNAVAILABLE',
        message: `Region ${region} has reached no database yet, so that the consistency token cannot be honoured; try again shortly.`,
      });
    }
    return this.engine.session({
      token,
      own,
      named,
      ...(settings.length > 0 ? { settings } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  async start(): Promise<void> {
    this.#stopGauges = publishPools(this.servers, this.#ground);
    this.#loops.run((signal) => keepWarm(() => this.#warm(), signal));
    await this.#warm();
  }

  async stop(): Promise<void> {
    this.#stopGauges();
    await this.#loops.stop();
    await Promise.allSettled([...this.servers.values()].map((server) => server.close()));
  }

  /** Never throws: probes handle servers that cannot be reached. */
  async #warm(): Promise<void> {
    const { monitor } = this.#health;
    await Promise.allSettled(
      [...this.servers].filter(([region]) => monitor.reachable(region)).map(([, server]) => server.warm()),
    );
  }
}

/**
 * The position that a new connection to the own replica must have reached: caches and the region's staleness are based
 * on it.
 */
function highest(lsns: readonly (Lsn | null)[]): Lsn | null {
  return lsns.reduce((a, b) => (a !== null && b !== null ? maxLsn(a, b) : (a ?? b)), null);
}
