/**
 * Proves the example of docs/testing.md: its files agree with the package's types, its test passes when it runs
 * unchanged, and it leaves nothing behind, also when it is killed.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { until } from '../support/observe.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(ROOT, 'src/testing/index.ts');
/** Every block of the page that begins with a file's name. */
const files = [
  ...readFileSync(join(ROOT, 'docs/testing.md'), 'utf8').matchAll(
    /```(?:ts|sql|graphql)\n(?:\/\/|--|#) ([\w./]+)\n(.*?)```/gs,
  ),
].map(([, name = '', text = '']) => ({ name, text }));

describe('the example of docs/testing.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-testing-example-'));
  /** Where what it starts keeps its data, so that what is left can be seen. */
  const temporary = join(folder, 'tmp');
  const env = { PATH: process.env['PATH'], TMPDIR: temporary };
  const left = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('meridian-testing-'));
  const processes = (): string =>
    spawnSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter((line) => line.includes(temporary))
      .join('\n');

  before(() => {
    // As root the databases run under another account, which has to pass through.
    chmodSync(folder, 0o711);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    mkdirSync(temporary);
    // The package is not built here: its source stands in for it.
    for (const { name, text } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text.replace("'meridian/testing'", `'${PACKAGE}'`));
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  it('agrees with the types of the package', () => {
    assert.deepEqual(
      files.map(({ name }) => name),
      ['schema/notes.graphql', 'sql/001_notes.sql', 'notes.test.ts'],
    );
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
    const program = ts.createProgram([join(folder, 'notes.test.ts')], {
      ...options,
      rewriteRelativeImportExtensions: false,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    });
    assert.deepEqual(
      ts
        .getPreEmitDiagnostics(program)
        .map((one) => `${one.file?.fileName}:${one.start}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`),
      [],
    );
  });

  it('passes, and leaves no process and no folder behind', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^# pass 3$/m);
    assert.deepEqual([left(), processes()], [[], '']);
  });

  it('leaves nothing behind when its process is killed during the test', async () => {
    writeFileSync(
      join(folder, 'forgets.ts'),
      `import { startTestRegions } from '${PACKAGE}';
       const regions = await startTestRegions({ schema: 'schema', sql: 'sql' });
       console.log(JSON.stringify(regions.all.map(({ url }) => url)));
       setInterval(() => undefined, 1_000);`,
    );
    const child = spawn(process.execPath, ['forgets.ts'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      assert.equal(left().length, 1);
      assert.match(processes(), /postgres/);
    } finally {
      child.kill('SIGKILL');
    }
    await until('everything that it has started is gone', () => left().length === 0 && processes() === '');
    assert.ok(existsSync(temporary));
  });
});
