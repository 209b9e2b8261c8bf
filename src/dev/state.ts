/** Owns what a cluster keeps between two starts: its secrets, the sources of its data, and the process that uses it. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MeridianError } from '../base/errors.ts';
import { writeWhole } from './postgres/conf.ts';
import { startOf } from './process.ts';

const passwordSchema = z.object({ password: z.string() });
const secretsSchema = z.object({ jwtSecret: z.string(), tokenSecret: z.string() });
/** Signs bearer tokens and consistency tokens. */
export type Secrets = z.infer<typeof secretsSchema>;

/** Written last: data without it is incomplete, because of a crash. */
const originSchema = z.object({
  format: z.literal(1),
  primary: z.string(),
  database: z.string(),
  fingerprint: z.string(),
});
export type Origin = z.infer<typeof originSchema>;

const ownerSchema = z.object({ pid: z.number(), started: z.string() });
const OWN = { account: undefined };
/** Names the process that uses the data. */
export const OWNER_FILE = 'owner.json';

function readAs<T>(schema: z.ZodType<T>, path: string): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    // A partial file, or one of another version, counts as absent, and the caller begins with empty data.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

const secret = (): string => randomBytes(32).toString('base64url');

function keptOrMade<T>(schema: z.ZodType<T>, path: string, make: () => T): T {
  const kept = readAs(schema, path);
  if (kept !== undefined) return kept;
  const made = make();
  writeWhole(path, JSON.stringify(made), OWN);
  return made;
}

/** The secrets of a development cluster; they survive restarts and resets, so that tokens stay valid. */
export function secretsIn(stateDir: string): Secrets {
  return keptOrMade(secretsSchema, join(stateDir, 'secrets.json'), () => ({
    jwtSecret: secret(),
    tokenSecret: secret(),
  }));
}

export class State {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get origin(): Origin | undefined {
    return readAs(originSchema, join(this.#dir, 'origin.json'));
  }

  set origin(origin: Origin) {
    writeWhole(join(this.#dir, 'origin.json'), JSON.stringify(origin, null, 2), OWN);
  }

  /** The superuser's password, generated at first use. */
  password(): string {
    return keptOrMade(passwordSchema, join(this.#dir, 'password.json'), () => ({ password: secret() })).password;
  }

  /** Marks the data as used by this process; throws if a running cluster uses it. */
  lock(): void {
    const path = join(this.#dir, OWNER_FILE);
    const owner = readAs(ownerSchema, path);
    if (owner && startOf(owner.pid) === owner.started) {
      throw new MeridianError({
        code: 'CLUSTER_START_FAILED',
        message: `A cluster runs already on the data in ${this.#dir} (process ${owner.pid}); stop it, or choose another place with --data.`,
      });
    }
    writeWhole(path, JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' }), OWN);
  }

  unlock(): void {
    rmSync(join(this.#dir, OWNER_FILE), { force: true });
  }
}
