/** Owns `.meridian/cluster.json`: the addresses of a running cluster, for tools, tests and the shell. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MeridianError } from '../base/errors.ts';
import { writeWhole } from './postgres/conf.ts';

const pid = z.number().int().positive().nullable();

const regionSchema = z.object({
  name: z.string(),
  role: z.enum(['primary', 'replica']),
  /** URL of the region's GraphQL server. */
  graphql: z.string(),
  /** DSN of the region's database without the simulated WAN. */
  postgres: z.string(),
  /** URL of the region's Redis; null if it has none. */
  redis: z.string().nullable(),
  /** Process ids; null while a process does not run. */
  pids: z.object({ server: pid, postgres: pid, redis: pid }),
});
export type ManifestRegion = z.infer<typeof regionSchema>;

const manifestSchema = z.object({
  /** Of an application without subgraphs; empty if there are subgraphs, each of which has its own. */
  regions: z.array(regionSchema),
  subgraphs: z.array(z.object({ name: z.string(), regions: z.array(regionSchema) })).default([]),
  /** One gateway per region; frontends use these. */
  gateways: z.array(z.object({ region: z.string(), graphql: z.string(), pid })).default([]),
  /** Path of the composed supergraph; null where there are no subgraphs. */
  supergraph: z.string().nullable().default(null),
  wan: z.object({ control: z.string() }),
  adminToken: z.string(),
});

export type Manifest = z.infer<typeof manifestSchema>;
/** Absent parts may be left out. */
export type WrittenManifest = z.input<typeof manifestSchema>;

const FILE = 'cluster.json';

export function manifestPath(stateDir: string): string {
  return join(stateDir, FILE);
}

/** Written atomically and readable by its owner only, since it contains a token and passwords. */
export function writeManifest(stateDir: string, manifest: WrittenManifest): void {
  writeWhole(manifestPath(stateDir), `${JSON.stringify(manifest, null, 2)}\n`, { account: undefined });
}

export function removeManifest(stateDir: string): void {
  rmSync(manifestPath(stateDir), { force: true });
}

/** The running cluster's manifest; throws when there is none. */
export function readManifest(stateDir: string): Manifest {
  const path = manifestPath(stateDir);
  const absent = (why: string): MeridianError =>
    new MeridianError({
      code: 'CONFIG_INVALID',
      message: `${path} ${why}; start a cluster there with "meridian dev", or name its folder with --data.`,
    });
  if (!existsSync(path)) throw absent('does not exist, so no cluster runs there');
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) throw absent('is not what a cluster writes');
    throw error;
  }
}
