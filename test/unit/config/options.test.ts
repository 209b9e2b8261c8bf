/** Owns the proof that every option is declared whole, and that names and documentation follow from the declaration. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { givenFlags, registerOptions } from '../../../src/cli/flags.ts';
import { configurationMarkdown, optionRows } from '../../../src/config/document.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { envName, flagName, type Option } from '../../../src/config/option.ts';
import { OPTIONS } from '../../../src/config/options.ts';
import { nearestName } from '../../../src/config/problems.ts';

const declared = Object.entries(OPTIONS) as [string, Option<unknown>][];

describe('options', () => {
  it('have names that follow from their key', () => {
    assert.equal(envName('maxWaitMs'), 'MERIDIAN_MAX_WAIT_MS');
    assert.equal(flagName('maxWaitMs'), '--max-wait-ms');
    assert.equal(new Set(declared.map(([key]) => envName(key))).size, declared.length);
  });

  it('accept their own default, as it is and as text', () => {
    for (const [key, option] of declared) {
      assert.deepEqual(option.schema.safeParse(option.default), { success: true, data: option.default }, key);
      assert.deepEqual(option.schema.safeParse(String(option.default)), { success: true, data: option.default }, key);
    }
  });

  it('have a type and one sentence of help, and say what a value must be', () => {
    for (const [key, option] of declared) {
      assert.match(option.help, /^\S.*\.$/, key);
      assert.ok(option.schema.description, key);
      assert.match(option.schema.safeParse({}).error?.issues[0]?.message ?? '', /^must be /, key);
    }
  });

  it('are flags of a command, but secrets are not', () => {
    const command = registerOptions(new Command('x').exitOverride());
    const flags = command.options.map(({ long }) => long);
    assert.deepEqual(
      flags,
      declared.filter(([, option]) => !option.secret).map(([key]) => flagName(key)),
    );
    assert.ok(!flags.includes('--jwt-secret') && !flags.includes('--token-secret'));
    command.parse(['--max-wait-ms', '7', '--introspection', 'false', '--jwks-url', 'https://id.example.com/keys'], {
      from: 'user',
    });
    const { options } = loadConfig({
      flags: givenFlags(command),
      env: { MERIDIAN_MAX_WAIT_MS: '8', MERIDIAN_PORT: '9' },
      settings: {},
    });
    assert.deepEqual(
      [options.maxWaitMs, options.introspection, options.jwksUrl, options.port],
      [7, false, 'https://id.example.com/keys', 9],
    );
  });

  it('are all on the documentation page, which has not drifted', () => {
    const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    assert.equal(page, configurationMarkdown(), 'run `npm run docs`');
    for (const { variable } of optionRows()) assert.ok(page.includes(`\`${variable}\``), variable);
  });
});

describe('the nearest name', () => {
  it('is one that was probably meant, or null', () => {
    const names = ['port', 'host', 'jwtSecret', 'maxWaitMs'];
    assert.equal(nearestName('prot', names), 'port');
    assert.equal(nearestName('jwt_secret', names), 'jwtSecret');
    assert.equal(nearestName('JWTSECRET', names), 'jwtSecret');
    assert.equal(nearestName('colour', names), null);
    assert.equal(nearestName('x', names), null);
  });
});
