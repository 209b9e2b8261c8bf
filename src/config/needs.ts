/** Owns what a command requires: regions, a region of its own, and the secrets of a production server. */
import { listed } from './option.ts';
import { type Options } from './options.ts';
import { nearestName, type Problem } from './problems.ts';
import { REGIONS_VARIABLE, variableSuffix, type RegionConfig } from './regions.ts';

/**
 * `regions`: at least one. `region`: which of them is this server's. `secrets`: what a server needs to accept requests:
 * how viewers are verified, what signs tokens, and where mutations go. `workers`: what several processes of one server
 * require.
 */
export type Need = 'regions' | 'region' | 'secrets' | 'workers';

const MIN_JWT_SECRET_BYTES = 32;
/** Minimum length of secrets that sign tokens, and mutations between servers. */
const MIN_SIGNING_SECRET_BYTES = 16;
const MAKE_ONE = '`openssl rand -base64 32` makes one';

export interface NeedsInput {
  readonly options: Options;
  readonly region: string;
  readonly regions: readonly RegionConfig[];
}

export function needProblems(needs: readonly Need[], input: NeedsInput): Problem[] {
  const checks: Record<Need, () => Problem[]> = {
    regions: () => regionsNeeded(input),
    region: () => regionNeeded(input),
    secrets: () => [...secretsNeeded(input.options), ...serversNeeded(input)],
    workers: () => workersNeeded(input),
  };
  return needs.flatMap((need) => checks[need]());
}

function regionsNeeded({ regions }: NeedsInput): Problem[] {
  if (regions.length > 0) return [];
  return [
    {
      option: 'regions',
      where: 'neither environment nor file',
      what: 'are not configured',
      fix: `set ${REGIONS_VARIABLE}=us-east-1,eu-west-1 and DB_URL_US_EAST_1, DB_URL_EU_WEST_1, or write them in meridian.json`,
    },
  ];
}

function regionNeeded({ region, regions }: NeedsInput): Problem[] {
  const names = regions.map(({ name }) => name);
  if (names.length === 0 || names.includes(region)) return [];
  if (region === '')
    return [
      {
        option: 'region',
        where: 'not given',
        what: 'must say which of the regions this server runs in',
        fix: `use --region or MERIDIAN_REGION with one of ${names.join(', ')}`,
      },
    ];
  const meant = nearestName(region, names);
  return [
    {
      option: 'region',
      where: 'as given',
      what: `names ${JSON.stringify(region)}, which is none of ${names.join(', ')}`,
      fix: meant ? `did you mean ${meant}` : 'name one of them, or configure it',
    },
  ];
}

function secretsNeeded(options: Options): Problem[] {
  const problems: Problem[] = [];
  const complain = (option: string, what: string, fix: string): unknown =>
    problems.push({ option, where: 'not given', what, fix });
  const short = (secret: string, bytes: number): boolean => Buffer.byteLength(secret) < bytes;
  if (options.auth === 'jwt' && options.jwtSecret === '' && options.jwksUrl === '') {
    complain(
      'auth',
      'is jwt, but there is neither jwtSecret nor jwksUrl to verify a token with',
      `set MERIDIAN_JWT_SECRET (${MAKE_ONE}) or MERIDIAN_JWKS_URL, or say MERIDIAN_AUTH=hook and let the resolvers module tell, or MERIDIAN_AUTH=none if nobody has to be known`,
    );
  }
  if (options.auth === 'hook' && options.resolvers === '')
    complain(
      'resolvers',
      'names no module, though auth: hook needs one that exports `viewer`',
      'name it with --resolvers or MERIDIAN_RESOLVERS',
    );
  if (options.jwtSecret !== '' && short(options.jwtSecret, MIN_JWT_SECRET_BYTES)) {
    problems.push({
      option: 'jwtSecret',
      where: 'as given',
      what: `is shorter than ${MIN_JWT_SECRET_BYTES} bytes and can be guessed`,
      fix: MAKE_ONE,
    });
  }
  if (listed(options.tokenSecret).length === 0)
    complain(
      'tokenSecret',
      'is missing, so that consistency tokens could not be signed',
      `set MERIDIAN_TOKEN_SECRET, the same in every region (${MAKE_ONE})`,
    );
  for (const option of ['tokenSecret', 'forwardSecret'] as const) {
    if (!listed(options[option]).some((secret) => short(secret, MIN_SIGNING_SECRET_BYTES))) continue;
    problems.push({
      option,
      where: 'as given',
      what: `holds a secret shorter than ${MIN_SIGNING_SECRET_BYTES} bytes, which can be guessed`,
      fix: MAKE_ONE,
    });
  }
  return problems;
}

/** If forwarding is the only permitted way and is not configured, every mutation would be refused. */
function serversNeeded({ options, region, regions }: NeedsInput): Problem[] {
  const others = regions.filter(({ name }) => name !== region);
  if (options.writes !== 'forward' || others.length === 0 || others.some(({ serverUrl }) => serverUrl !== null))
    return [];
  return [
    {
      option: 'writes',
      where: 'as given',
      what: 'is forward, but no other region has a serverUrl to forward mutations to',
      fix: `set SERVER_URL_${variableSuffix(others[0]?.name ?? '')} and so on, or say MERIDIAN_WRITES=auto`,
    },
  ];
}

/**
 * One worker reads the region's changes. The others receive them only through Redis, and could cache nothing without
 * it.
 */
function workersNeeded({ options, region, regions }: NeedsInput): Problem[] {
  const own = regions.find(({ name }) => name === region);
  if (options.workers === 1 || !options.cache || own === undefined || own.redisUrl !== null) return [];
  return [
    {
      option: 'workers',
      where: 'as given',
      what: `is ${options.workers}, but region ${region} has no Redis through which they hear of changes`,
      fix: `set REDIS_URL_${variableSuffix(region)}, or run one worker, or say MERIDIAN_CACHE=false`,
    },
  ];
}
