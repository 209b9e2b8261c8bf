/** Owns the proof that what package.json promises to those who install the package is so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')) as T;
const manifest = read<{
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  engines: { node: string };
}>('package.json');
const lock = read<{ packages: Record<string, Locked> }>('package-lock.json');
const LICENSES = /^(MIT|Apache-2\.0|BSD-[23]-Clause|ISC|0BSD)$/;

describe('the package', () => {
  it('has only dependencies with a MIT, Apache, BSD or ISC licence', () => {
    const brought = Object.entries(lock.packages).filter(
      ([path, { dev, peer, optional, devOptional }]) => path !== '' && !dev && !peer && !optional && !devOptional,
    );
    assert.ok(brought.length > 50, `${brought.length} packages`);
    assert.deepEqual(
      brought
        .filter(
          ([, { license = '' }]) =>
            !license
              .replace(/^\((.*)\)$/, '$1')
              .split(/ AND | OR /)
              .every((one) => LICENSES.test(one)),
        )
        .map(([path, { license }]) => [path, license]),
      [],
    );
  });

  it('names every optional peer with its version', () => {
    assert.deepEqual(Object.keys(manifest.peerDependencies).sort(), Object.keys(manifest.peerDependenciesMeta).sort());
    for (const [name, meta] of Object.entries(manifest.peerDependenciesMeta)) assert.equal(meta.optional, true, name);
  });

  it('needs the version of Node that the README says', () => {
    const [, least] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? [];
    assert.match(
      readFileSync(new URL('../../README.md', import.meta.url), 'utf8'),
      new RegExp(`needs Node\\.js ${least} or later`),
    );
  });
});
