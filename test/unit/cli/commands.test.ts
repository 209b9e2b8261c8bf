/** Owns the proof that commands help, complain in sentences, and end with the right status. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { jwtVerify } from 'jose';
import { meridian } from '../../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-cli-'));
after(() => rmSync(folder, { recursive: true }));
const SECRET = 'a secret of more than thirty-two bytes';

describe('meridian', () => {
  it('shows its commands, and the options of each', async () => {
    const { status, stdout } = await meridian(['--help']);
    assert.equal(status, 0);
    for (const command of ['start', 'token', 'options']) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
    const start = await meridian(['start', '--help']);
    assert.match(
      start.stdout,
      /Options for consistency:\n(.*\n)* {2}--max-wait-ms <value> +Longest time a read may wait/,
    );
    assert.match(start.stdout, /\(default:\s+2000\)/);
    assert.doesNotMatch(start.stdout, /--token-secret/);
  });

  it('suggests the command or option that was meant', async () => {
    const command = await meridian(['strat']);
    assert.equal(command.status, 1);
    assert.match(command.stderr, /unknown command 'strat'\n\(Did you mean start\?\)/);
    assert.match(
      (await meridian(['start', '--prot', '1'])).stderr,
      /unknown option '--prot'\n\(Did you mean --port\?\)/,
    );
  });

  it('says what is wrong with the configuration, with no stack unless asked for one', async () => {
    const { status, stdout, stderr } = await meridian(['start'], { cwd: folder });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /regions \(neither environment nor file\) are not configured/);
    assert.match(stderr, /tokenSecret \(not given\) is missing/);
    assert.match(stderr, /\[CONFIG_INVALID\]\n$/);
    assert.doesNotMatch(stderr, /^\s+at /m);
    assert.match((await meridian(['--verbose', 'start'], { cwd: folder })).stderr, /^\s+at .*load\.ts/m);
    assert.match(
      (await meridian(['start'], { cwd: folder, env: { MERIDIAN_DEBUG: '1' } })).stderr,
      /^\s+at .*load\.ts/m,
    );
  });
});

describe('meridian options', () => {
  it('lists each option with its names', async () => {
    assert.match(
      (await meridian(['options'])).stdout,
      /^maxWaitMs +2000 +MERIDIAN_MAX_WAIT_MS +--max-wait-ms +whole milliseconds/m,
    );
    const rows = JSON.parse((await meridian(['options', '--json'])).stdout) as { key: string; flag: string | null }[];
    assert.equal(rows.find(({ key }) => key === 'jwtSecret')?.flag, null);
  });
});

describe('meridian token', () => {
  it("prints a token with the viewer's id, tenant and roles, and nothing else", async () => {
    const { status, stdout } = await meridian(
      ['token', '--sub', '7', '--tenant', 'acme', '--role', 'admin', '--role', 'staff', '--expires', '15m'],
      { cwd: folder, env: { MERIDIAN_JWT_SECRET: SECRET, MERIDIAN_JWT_ISSUER: 'us', MERIDIAN_TENANT_CLAIM: 'org' } },
    );
    assert.equal(status, 0);
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET), { issuer: 'us' });
    assert.deepEqual([payload.sub, payload['org'], payload['roles']], ['7', 'acme', ['admin', 'staff']]);
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 900);
  });

  it("signs with the development cluster's secret where none is configured", async () => {
    const data = join(folder, 'cluster');
    mkdirSync(data);
    writeFileSync(join(data, 'secrets.json'), JSON.stringify({ jwtSecret: SECRET }));
    const { stdout } = await meridian(['token', '--data', data], { cwd: folder });
    assert.equal((await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET))).payload.sub, '1');
  });

  it('names the options that it needs and lacks', async () => {
    const nothing = await meridian(['token'], { cwd: folder });
    assert.equal(nothing.status, 1);
    assert.match(
      nothing.stderr,
      /There is nothing to sign with: jwtSecret is not configured and \.meridian\/secrets\.json cannot be read; set MERIDIAN_JWT_SECRET.*\[CONFIG_INVALID\]/,
    );
    assert.match(
      (await meridian(['token', '--expires', 'soon'], { cwd: folder })).stderr,
      /--expires "soon" is no duration; write it as in 30s, 15m, 1h or 7d\. \[BAD_USER_INPUT\]/,
    );
  });
});
