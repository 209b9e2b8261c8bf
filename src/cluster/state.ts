/** Owns what a cluster remembers between two starts: its secrets, what its data was made from, and who is using it. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MeridianError } from '../base/errors.ts';
import { writeWhole } from './postgres/conf.ts';
import { startOf } from './process.ts';

const secretsSchema = z.object({ password: z.string(), jwtSecret: z.string(), tokenSecret: z.string() });
export type Secrets = z.infer<typeof secretsSchema>;

/** Written last: data without it was left half-made by a crash. */
const originSchema = z.object({ format: z.literal(1), primary: z.string(), database: z.string(), fingerprint: z.string() });
export type Origin = z.infer<typeof originSchema>;

const ownerSchema = z.object({ pid: z.number(), started: z.string() });
const OWN = { account: undefined };

function readAs<T>(schema: z.ZodType<T>, path: string): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    // Half a file, or one of another version: as good as none, and the caller begins anew.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
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

  /** The secrets of this data, made at first use; they outlive restarts, so that tokens and DSNs stay valid. */
  secrets(): Secrets {
    const path = join(this.#dir, 'secrets.json');
    const found = readAs(secretsSchema, path);
    if (found) return found;
    const secret = (): string => randomBytes(24).toString('base64url');
    const made = { password: secret(), jwtSecret: secret(), tokenSecret: secret() };
    writeWhole(path, JSON.stringify(made), OWN);
    return made;
  }

  /** Marks the data as in use by this process; throws when another one that lives has it. */
  lock(): void {
    const path = join(this.#dir, 'owner.json');
    const owner = readAs(ownerSchema, path);
    if (owner && owner.pid !== process.pid && startOf(owner.pid) === owner.started) {
      throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: `A cluster runs already on the data in ${this.#dir} (process ${owner.pid}); stop it, or choose another place with --data.` });
    }
    writeWhole(path, JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' }), OWN);
  }

  unlock(): void {
    rmSync(join(this.#dir, 'owner.json'), { force: true });
  }
}
