/**
 * Owns the proof of precedence, and that everything wrong with a configuration is said at once and without its secrets.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { loadConfig, type ConfigInput } from '../../../src/config/load.ts';
import { type Problem } from '../../../src/config/problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const empty = mkdtempSync(join(folder, 'empty-'));

function refusal(input: ConfigInput): { message: string; problems: readonly Problem[] } {
  try {
    loadConfig({ env: {}, folder: empty, ...input });
  } catch (error) {
    assert.ok(isMeridianError(error, 'CONFIG_INVALID'));
    return { message: error.message, problems: error.details['problems'] as Problem[] };
  }
  assert.fail('the configuration was accepted');
}

const SECRETS = { MERIDIAN_JWT_SECRET: 'j'.repeat(32), MERIDIAN_TOKEN_SECRET: 't'.repeat(32) };
const TWO = {
  MERIDIAN_REGIONS: 'us-east-1, eu-west-1',
  DB_URL_US_EAST_1: 'postgres://us/app',
  DB_URL_EU_WEST_1: 'postgresql://eu/app',
};

describe('loading the configuration', () => {
  it('prefers flags to the environment, it to the file, it to the defaults', () => {
    const config = file('precedence.json', { port: 1, drainMs: 1, poolSize: 1 });
    const { options } = loadConfig({
      flags: { port: '3', config },
      env: { MERIDIAN_PORT: '2', MERIDIAN_DRAIN_MS: '2' },
      folder: empty,
    });
    assert.deepEqual([options.port, options.drainMs, options.poolSize, options.maxPageSize], [3, 2, 1, 200]);
  });

  it('reads meridian.json of the folder where it is there, and needs none', () => {
    const home = mkdtempSync(join(folder, 'home-'));
    assert.equal(loadConfig({ env: {}, folder: home }).options.port, 4000);
    writeFileSync(join(home, 'meridian.json'), '{"port": 5, "schema": "sdl"}');
    const { options } = loadConfig({ env: {}, folder: home });
    assert.equal(options.port, 5);
    assert.equal(options.schema, join(home, 'sdl'), 'a path in the file starts at the file');
  });

  it('takes an empty variable for one that is not set', () => {
    assert.equal(loadConfig({ env: { MERIDIAN_PORT: '' }, folder: empty }).options.port, 4000);
  });

  it('takes settings from code instead of a file', () => {
    assert.equal(loadConfig({ env: {}, settings: { introspection: false } }).options.introspection, false);
  });

  it('reports every problem at once, with its place and its fix', () => {
    const { problems, message } = refusal({
      flags: { port: '80x' },
      env: { MERIDIAN_AUTH: 'jwks', MERIDIAN_INTROSPECTION: 'yes', MERIDIAN_JWT_SECRT: 'x' },
      settings: { drainMs: '1.5', prot: 1, slotName: 5 },
    });
    assert.deepEqual(problems.map(({ option, where }) => `${option} / ${where}`).sort(), [
      'auth / environment MERIDIAN_AUTH',
      'drainMs / settings',
      'introspection / environment MERIDIAN_INTROSPECTION',
      'port / flag --port',
      'prot / settings',
      'slotName / settings',
    ]);
    assert.match(
      message,
      /port \(flag --port\) must be a whole number from 0 to 65535, not "80x"; correct it, or leave it out for 4000\./,
    );
    assert.match(message, /prot \(settings\) is no option; did you mean port\./);
    assert.match(message, /auth \(environment MERIDIAN_AUTH\) must be one of jwt, hook, none, not "jwks"/);
    assert.match(message, /MERIDIAN_JWT_SECRT \(environment\) is no option; did you mean MERIDIAN_JWT_SECRET\?/);
  });

  it('warns of unknown variables and goes on', () => {
    assert.deepEqual(
      loadConfig({ env: { MERIDIAN_PROT: '1', MERIDIAN_DEBUG: '1', PORT: '80' }, folder: empty }).warnings,
      ['MERIDIAN_PROT (environment) is no option; did you mean MERIDIAN_PORT?'],
    );
  });

  it('never shows a secret', () => {
    const { message } = refusal({
      env: {
        MERIDIAN_ALERT_WEBHOOK: 'hunter2',
        MERIDIAN_JWT_SECRET: 'hunter2',
        MERIDIAN_REGIONS: 'a,b',
        DB_URL_A: 'mysql://u:hunter2@h/d',
        DB_URL_B: 'postgres://u:hunter2@[',
        REDIS_URL_A: 'hunter2',
      },
      needs: ['regions', 'secrets'],
    });
    assert.equal(message.match(/\n {2}- /g)?.length, 6);
    assert.doesNotMatch(message, /hunter2/);
  });

  it('says what is wrong with the file itself, and quotes nothing of it', () => {
    assert.match(
      refusal({ flags: { config: join(empty, 'none.json') } }).message,
      /config \(flag --config\) names .*none\.json, which does not exist; give the path/,
    );
    const broken = refusal({ env: { MERIDIAN_CONFIG: file('broken.json', '{"jwtSecret": "hunter2",}') } }).message;
    assert.match(broken, /broken\.json\) is no valid JSON at position 24 \(line 1 column 25\)/);
    assert.doesNotMatch(broken, /hunter2/);
    assert.match(refusal({ flags: { config: file('list.json', '[]') } }).message, /holds no JSON object/);
    assert.match(refusal({ flags: { config: empty } }).message, /cannot be read/);
  });
});

describe('regions', () => {
  it('come from the environment', () => {
    const { regions, region } = loadConfig({
      env: { ...TWO, REDIS_URL_EU_WEST_1: 'redis://eu', MERIDIAN_REGION: 'eu-west-1' },
      folder: empty,
      needs: ['regions', 'region'],
    });
    assert.deepEqual(
      regions.map(({ name, databaseUrl, redisUrl }) => [name, databaseUrl, redisUrl]),
      [
        ['us-east-1', 'postgres://us/app', null],
        ['eu-west-1', 'postgresql://eu/app', 'redis://eu'],
      ],
    );
    assert.equal(region, 'eu-west-1');
  });

  it('may name several servers of one Redis', () => {
    const nodes = 'redis://user:pw@one:26379/2, rediss://two';
    assert.equal(
      loadConfig({ env: { MERIDIAN_REGIONS: 'a', DB_URL_A: 'postgres://h/d', REDIS_URL_A: nodes }, folder: empty })
        .regions[0]?.redisUrl,
      nodes,
    );
    for (const redisUrl of ['redis://one,', 'redis://one,http://two', 'redis://one,two']) {
      assert.deepEqual(
        refusal({ settings: { regions: { a: { databaseUrl: 'postgres://h/d', redisUrl } } } }).problems.map(
          ({ option }) => option,
        ),
        ['redisUrl of region a'],
        redisUrl,
      );
    }
  });

  it('name servers by scheme, host and port alone', () => {
    const given = (serverUrl: string): Parameters<typeof loadConfig>[0] => ({
      settings: { regions: { a: { databaseUrl: 'postgres://h/d', serverUrl } } },
    });
    for (const fine of ['http://10.0.0.1:4000', 'https://eu.example.com/', 'http://[::1]:4000'])
      assert.equal(loadConfig(given(fine)).regions[0]?.serverUrl, fine);
    for (const more of [
      'https://eu.example.com/graphql',
      'https://user:hunter2@eu.example.com',
      'https://eu.example.com/?a=1',
      'https://eu.example.com/#a',
    ]) {
      const { message } = refusal(given(more) ?? {});
      assert.match(message, /serverUrl of region a \(settings: regions\.a\) has more than scheme, host and port/, more);
      assert.doesNotMatch(message, /hunter2/);
    }
  });

  it('come from the file, and the environment adds what is secret', () => {
    const settings = {
      region: 'eu-west-1',
      regions: { 'us-east-1': { databaseUrl: 'postgres://us/app' }, 'eu-west-1': {} },
    };
    const { regions } = loadConfig({
      env: { DB_URL_EU_WEST_1: 'postgres://eu:pw@eu/app' },
      settings,
      needs: ['regions', 'region'],
    });
    assert.deepEqual(
      regions.map(({ databaseUrl }) => databaseUrl),
      ['postgres://us/app', 'postgres://eu:pw@eu/app'],
    );
  });

  it("need no name of the server's own region where there is only one", () => {
    assert.equal(
      loadConfig({ env: { MERIDIAN_REGIONS: 'here', DB_URL_HERE: 'postgres://h/d' }, folder: empty, needs: ['region'] })
        .region,
      'here',
    );
  });

  it('are refused in one sentence each where they are missing, unnamed, doubled or unknown', () => {
    assert.match(
      refusal({ needs: ['regions', 'region'] }).message,
      /^The configuration is not valid: regions \(neither environment nor file\) are not configured; set MERIDIAN_REGIONS=/,
    );
    assert.match(
      refusal({ env: TWO, needs: ['region'] }).message,
      /region \(not given\) must say which of the regions this server runs in; use --region or MERIDIAN_REGION with one of us-east-1, eu-west-1\./,
    );
    assert.match(
      refusal({ env: TWO, flags: { region: 'eu-west' }, needs: ['region'] }).message,
      /names "eu-west", which is none of us-east-1, eu-west-1; did you mean eu-west-1\./,
    );
    assert.match(
      refusal({ env: { MERIDIAN_REGIONS: 'a,A', DB_URL_A: 'postgres://h/d' } }).message,
      /region "A" .* has the same name as region "a"/,
    );
    assert.match(
      refusal({ env: { MERIDIAN_REGIONS: 'eu west', DB_URL_EU_WEST: 'postgres://h/d' } }).message,
      /region "eu west" .* is no region name/,
    );
    assert.match(
      refusal({ env: { MERIDIAN_REGIONS: 'a' } }).message,
      /databaseUrl of region a \(environment DB_URL_A\) is missing; set DB_URL_A, or regions\.a\.databaseUrl in the file/,
    );
    assert.match(
      refusal({ settings: { regions: { a: { databaseUri: 'postgres://h/d' } } } }).message,
      /regions\.a\.databaseUri .* did you mean databaseUrl/,
    );
    assert.match(refusal({ settings: { regions: ['a'] } }).message, /regions \(settings\) must be an object/);
  });

  it('warn of a URL for a region that nobody named', () => {
    assert.deepEqual(loadConfig({ env: { ...TWO, DB_URL_EU_WEST_2: 'postgres://h/d' }, folder: empty }).warnings, [
      'DB_URL_EU_WEST_2 (environment) belongs to no region of MERIDIAN_REGIONS; did you mean DB_URL_EU_WEST_1?',
    ]);
  });
});

describe('a production server', () => {
  const needs = ['secrets'] as const;

  it('starts with both secrets, with a key set, or with authentication switched off', () => {
    loadConfig({ env: SECRETS, folder: empty, needs });
    loadConfig({
      env: {
        MERIDIAN_JWKS_URL: 'https://id.example.com/keys',
        MERIDIAN_TOKEN_SECRET: `${'n'.repeat(16)}, ${'o'.repeat(16)}`,
      },
      folder: empty,
      needs,
    });
    loadConfig({
      env: { MERIDIAN_AUTH: 'none', MERIDIAN_TOKEN_SECRET: SECRETS.MERIDIAN_TOKEN_SECRET },
      folder: empty,
      needs,
    });
  });

  it('refuses to start without a secret, and says how to make one', () => {
    const { problems, message } = refusal({ needs });
    assert.deepEqual(
      problems.map(({ option }) => option),
      ['auth', 'tokenSecret'],
    );
    assert.match(message, /neither jwtSecret nor jwksUrl .*MERIDIAN_AUTH=none/);
    assert.match(message, /`openssl rand -base64 32` makes one/);
  });

  it('refuses secrets that can be guessed', () => {
    const { problems } = refusal({
      env: {
        MERIDIAN_JWT_SECRET: 'short',
        MERIDIAN_TOKEN_SECRET: `${'n'.repeat(16)},old`,
        MERIDIAN_FORWARD_SECRET: 'short',
      },
      needs,
    });
    assert.deepEqual(
      problems.map(({ option }) => option),
      ['jwtSecret', 'tokenSecret', 'forwardSecret'],
    );
    loadConfig({
      env: { ...SECRETS, MERIDIAN_FORWARD_SECRET: `${'n'.repeat(16)}, ${'o'.repeat(16)}` },
      folder: empty,
      needs,
    });
  });

  it('refuses several workers with a cache where the region has no Redis', () => {
    const env = { ...SECRETS, ...TWO, MERIDIAN_REGION: 'eu-west-1', MERIDIAN_WORKERS: '2' };
    const { problems, message } = refusal({
      env: { ...env, REDIS_URL_US_EAST_1: 'redis://us.example.com' },
      needs: ['workers'],
    });
    assert.deepEqual(
      problems.map(({ option }) => option),
      ['workers'],
    );
    assert.match(
      message,
      /is 2, but region eu-west-1 has no Redis .*set REDIS_URL_EU_WEST_1, or run one worker, or say MERIDIAN_CACHE=false/,
    );
    for (const more of [
      { REDIS_URL_EU_WEST_1: 'redis://eu.example.com' },
      { MERIDIAN_CACHE: 'false' },
      { MERIDIAN_WORKERS: '1' },
    ])
      loadConfig({ env: { ...env, ...more }, folder: empty, needs: ['workers'] });
  });

  it('refuses writes by forwarding where another region has no serverUrl', () => {
    const env = { ...SECRETS, ...TWO, MERIDIAN_REGION: 'eu-west-1', MERIDIAN_WRITES: 'forward' };
    assert.match(
      refusal({ env: { ...env, SERVER_URL_EU_WEST_1: 'https://own.example.com' }, needs }).message,
      /writes \(as given\) is forward, but no other region has a serverUrl .*set SERVER_URL_US_EAST_1/,
    );
    loadConfig({ env: { ...env, SERVER_URL_US_EAST_1: 'https://us.example.com' }, folder: empty, needs });
    loadConfig({ env: { ...env, MERIDIAN_REGIONS: 'eu-west-1' }, folder: empty, needs });
  });
});
