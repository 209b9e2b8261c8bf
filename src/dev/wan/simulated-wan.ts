/** Owns all links: found by pair and kind, changed and cut in both directions at once. */
import { Link, type LinkReport } from './link.ts';
import { LINK_KINDS, pairKey, type Conditions, type LinkKind, type RegionPair } from './topology.ts';

/** The ports of each region's servers of one cluster. */
export interface Targets {
  readonly [region: string]: { readonly postgres: number; readonly http: number };
}

export interface SimulatedWanOptions {
  readonly pairs: readonly RegionPair[];
  /** By the cluster's name: all clusters share the same regions, and a cut affects all of them. */
  readonly targets: Readonly<Record<string, Targets>>;
}

/** The first message of the simulated WAN's thread, once it listens. */
export interface SimulatedWanReady {
  readonly control: string;
  readonly links: readonly LinkReport[];
}

/** The links to change: of a pair of regions, of one kind or all kinds. */
export interface Selection {
  readonly between: readonly [string, string];
  readonly kind?: LinkKind | undefined;
}

export class SimulatedWan {
  readonly #links = new Map<string, Map<LinkKind, Link[]>>();

  constructor({ pairs, targets }: SimulatedWanOptions) {
    for (const { between, rttMs, jitterMs } of pairs) {
      const kinds = new Map<LinkKind, Link[]>();
      for (const kind of LINK_KINDS) {
        const [a, b] = between;
        const ways = [
          [a, b],
          [b, a],
        ] as const;
        kinds.set(
          kind,
          Object.entries(targets).flatMap(([cluster, own]) =>
            ways.map(
              ([from, to]) =>
                new Link({
                  cluster,
                  from,
                  to,
                  kind,
                  targetPort: portOf(own, to, kind),
                  conditions: { rttMs, jitterMs },
                }),
            ),
          ),
        );
      }
      this.#links.set(pairKey(...between), kinds);
    }
  }

  async listen(): Promise<void> {
    await Promise.all(this.#all().map((link) => link.listen()));
  }

  reports(): LinkReport[] {
    return this.#all().map((link) => link.report);
  }

  /** The links of a selection, in both directions and of every cluster; none if there is no such pair. */
  find({ between, kind }: Selection): Link[] {
    const kinds = this.#links.get(pairKey(...between));
    return kind === undefined ? [...(kinds?.values() ?? [])].flat() : (kinds?.get(kind) ?? []);
  }

  change(selection: Selection, change: Partial<Conditions>): void {
    for (const link of this.find(selection)) {
      const { rttMs, jitterMs } = link.report;
      link.conditions = { rttMs: change.rttMs ?? rttMs, jitterMs: change.jitterMs ?? jitterMs };
    }
  }

  close(): void {
    for (const link of this.#all()) link.close();
  }

  #all(): Link[] {
    return [...this.#links.values()].flatMap((kinds) => [...kinds.values()].flat());
  }
}

function portOf(targets: Targets, region: string, kind: LinkKind): number {
  const target = targets[region];
  if (!target) throw new RangeError(`no target for region ${region}`);
  return kind === 'http' ? target.http : target.postgres;
}
