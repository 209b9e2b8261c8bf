/** The example applications without the types that follow from the rest are the graphs that they are when all is written. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSdlFolder } from '../../../src/schema-compiler/files.ts';
import { documentOf, graphOf } from '../../support/made.ts';

const FOLDERS = {
  workspace: 'workspace',
  music: 'music',
  accounts: 'workspace/subgraphs/accounts',
  work: 'workspace/subgraphs/work',
} as const;

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

describe('the example application', () => {
  for (const [name, folder] of Object.entries(FOLDERS)) {
    it(`${name} has the same graph as when all of its types are written`, () => {
      const written = [{ name, body: readFileSync(path(`../../support/written/${name}.graphql`), 'utf8') }];
      const short = readSdlFolder(path(`../../../schema/${folder}`));
      assert.equal(graphOf(short), graphOf(written));
      assert.deepEqual(documentOf(written).made, []);
      assert.ok(documentOf(short).made.length >= 7);
    });
  }
});
