/** Proves that the examples of docs/gateways.md compile unchanged in a project as strict as this one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const examples = [...readFileSync(join(ROOT, 'docs/gateways.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
  ([, code = '']) => code,
);

describe('the examples of docs/gateways.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-gateways-'));

  before(() => {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    examples.forEach((code, i) => writeFileSync(join(folder, `${i}.ts`), code));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('compile, with one for each plugin and one for cookies', () => {
    assert.deepEqual(
      examples.map((code) => /meridian\/gateway\/\w+/.exec(code)?.[0]),
      ['meridian/gateway/hive', 'meridian/gateway/apollo', 'meridian/gateway/hive'],
    );
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
      config: { compilerOptions: object };
    };
    const paths = { 'meridian/gateway/*': [join(ROOT, 'src/gateway/*.ts')] };
    const { options } = ts.convertCompilerOptionsFromJson(
      { ...config.compilerOptions, noEmit: true, paths, typeRoots: [join(ROOT, 'node_modules/@types')] },
      folder,
    );
    const program = ts.createProgram(
      examples.map((_, i) => join(folder, `${i}.ts`)),
      options,
    );
    assert.deepEqual(
      ts.getPreEmitDiagnostics(program).map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n')),
      [],
    );
  });
});
