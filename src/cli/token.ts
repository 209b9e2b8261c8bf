/** Owns `meridian token`: a signed JWT that names a viewer, for development, scripts and tests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command } from 'commander';
import { MeridianError } from '../base/errors.ts';
import { isRecord } from '../config/file.ts';
import { loadConfig } from '../config/load.ts';
import { signBearer } from '../dev/bearer.ts';
import { givenFlags, registerOptions, repeated } from './flags.ts';

interface TokenFlags {
  readonly sub: string;
  readonly tenant?: string;
  readonly role?: readonly string[];
  readonly expires: string;
  readonly data: string;
}

const DURATION = /^[1-9]\d{0,5}[smhd]$/;
/** The file with the secret that signs the development cluster's tokens, readable by its owner only. */
const SECRETS_FILE = 'secrets.json';

export function registerToken(program: Command): void {
  const command = program
    .command('token')
    .description("sign a bearer token (HS256) with the configured jwtSecret, or the development cluster's")
    .option('--sub <id>', "who is asking: the viewer's id", '1')
    .option('--tenant <tenant>', "the viewer's tenant")
    .option('--role <role>', 'a role of the viewer; may be repeated', repeated)
    .option('--expires <duration>', 'how long it holds: 30s, 15m, 1h, 7d', '1h')
    .option('--data <folder>', 'folder of the development cluster', '.meridian')
    .addHelpText('after', '\nExample: curl -H "Authorization: Bearer $(meridian token --role admin)" …');
  registerOptions(command, ['config', 'tenantClaim', 'rolesClaim', 'jwtIssuer', 'jwtAudience']).action(
    async (given: TokenFlags) => {
      if (!DURATION.test(given.expires))
        throw new MeridianError({
          code: 'BAD_USER_INPUT',
          message: `--expires ${JSON.stringify(given.expires)} is no duration; write it as in 30s, 15m, 1h or 7d.`,
        });
      const { options } = loadConfig({ flags: givenFlags(command) });
      const secret = options.jwtSecret === '' ? clusterSecret(given.data) : options.jwtSecret;
      const { sub: id, tenant, role: roles, expires } = given;
      console.log(await signBearer({ id, tenant, roles }, { secret, expires, claims: options }));
    },
  );
}

function clusterSecret(folder: string): string {
  const path = join(folder, SECRETS_FILE);
  let kept: unknown;
  try {
    kept = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `There is nothing to sign with: jwtSecret is not configured and ${path} cannot be read; set MERIDIAN_JWT_SECRET, or run this where \`meridian dev\` keeps its data (--data).`,
      cause: error,
    });
  }
  const secret = isRecord(kept) ? kept['jwtSecret'] : undefined;
  if (typeof secret === 'string' && secret !== '') return secret;
  throw new MeridianError({
    code: 'CONFIG_INVALID',
    message: `${path} holds no jwtSecret; start the cluster again with \`meridian dev --reset\`, or set MERIDIAN_JWT_SECRET.`,
  });
}
