/** Owns what a command cannot do without: regions, a region of its own, and the secrets that a production server must have. */
import { type Options } from './options.ts';
import { nearestName, type Problem } from './problems.ts';
import { REGIONS_VARIABLE, type RegionConfig } from './regions.ts';

/** `regions`: at least one. `region`: which of them is this server's. `secrets`: who is asking, and what signs tokens. */
export type Need = 'regions' | 'region' | 'secrets';

const MIN_JWT_SECRET_BYTES = 32;
const MIN_TOKEN_SECRET_BYTES = 16;
const MAKE_ONE = '`openssl rand -base64 32` makes one';

export interface NeedsInput {
  readonly options: Options;
  readonly region: string;
  readonly regions: readonly RegionConfig[];
}

export function needProblems(needs: readonly Need[], input: NeedsInput): Problem[] {
  const checks: Record<Need, () => Problem[]> = { regions: () => regionsNeeded(input), region: () => regionNeeded(input), secrets: () => secretsNeeded(input.options) };
  return needs.flatMap((need) => checks[need]());
}

function regionsNeeded({ regions }: NeedsInput): Problem[] {
  if (regions.length > 0) return [];
  return [{ option: 'regions', where: 'neither environment nor file', what: 'are not configured', mend: `set ${REGIONS_VARIABLE}=us-east-1,eu-west-1 and DB_URL_US_EAST_1, DB_URL_EU_WEST_1, or write them in meridian.json` }];
}

function regionNeeded({ region, regions }: NeedsInput): Problem[] {
  const names = regions.map(({ name }) => name);
  if (names.length === 0 || names.includes(region)) return [];
  if (region === '') return [{ option: 'region', where: 'not given', what: 'must say which of the regions this server runs in', mend: `use --region or MERIDIAN_REGION with one of ${names.join(', ')}` }];
  const meant = nearestName(region, names);
  return [{ option: 'region', where: 'as given', what: `names ${JSON.stringify(region)}, which is none of ${names.join(', ')}`, mend: meant ? `did you mean ${meant}` : 'name one of them, or configure it' }];
}

function secretsNeeded(options: Options): Problem[] {
  const problems: Problem[] = [];
  const complain = (option: string, what: string, mend: string): unknown => problems.push({ option, where: 'not given', what, mend });
  const short = (secret: string, bytes: number): boolean => Buffer.byteLength(secret) < bytes;
  if (options.auth === 'jwt' && options.jwtSecret === '' && options.jwksUrl === '') {
    complain('auth', 'is jwt, but there is neither jwtSecret nor jwksUrl to verify a token with', `set MERIDIAN_JWT_SECRET (${MAKE_ONE}) or MERIDIAN_JWKS_URL, or say MERIDIAN_AUTH=hook and let the resolvers module tell, or MERIDIAN_AUTH=none if nobody has to be known`);
  }
  if (options.auth === 'hook' && options.resolvers === '') complain('resolvers', 'names no module, though auth: hook needs one that exports `viewer`', 'name it with --resolvers or MERIDIAN_RESOLVERS');
  if (options.jwtSecret !== '' && short(options.jwtSecret, MIN_JWT_SECRET_BYTES)) {
    problems.push({ option: 'jwtSecret', where: 'as given', what: `is shorter than ${MIN_JWT_SECRET_BYTES} bytes and can be guessed`, mend: MAKE_ONE });
  }
  const secrets = options.tokenSecret.split(',').map((secret) => secret.trim()).filter((secret) => secret !== '');
  if (secrets.length === 0) complain('tokenSecret', 'is missing, so that consistency tokens could not be signed', `set MERIDIAN_TOKEN_SECRET, the same in every region (${MAKE_ONE})`);
  if (secrets.some((secret) => short(secret, MIN_TOKEN_SECRET_BYTES))) {
    problems.push({ option: 'tokenSecret', where: 'as given', what: `holds a secret shorter than ${MIN_TOKEN_SECRET_BYTES} bytes, which can be guessed`, mend: MAKE_ONE });
  }
  return problems;
}
