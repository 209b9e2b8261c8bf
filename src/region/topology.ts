/** Owns the names and addresses of regions, as configured; roles are discovered, never read from here. */

export interface RegionConfig {
  readonly name: string;
  /** DSN of the region's database server, as this process reaches it. */
  readonly databaseUrl: string;
  /** DSN of the region's shared cache; null where it has none. */
  readonly redisUrl: string | null;
  /** Base URL of the region's server, for forwarding; null where nothing is forwarded to it. */
  readonly graphqlUrl: string | null;
}

export interface Topology {
  /** The region that this process runs in; one of `regions`. */
  readonly local: string;
  readonly regions: readonly RegionConfig[];
}
