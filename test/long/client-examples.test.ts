/**
 * Proves that the examples of docs/clients.md compile against the package as it is published, and that its client
 * entries can be imported by their names.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
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
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { startTestServer } from '../support/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRIES = ['index', 'apollo', 'urql', 'relay'];

/** Every TypeScript block of the page that begins with a file's name. */
const examples = [
  ...readFileSync(join(ROOT, 'docs/clients.md'), 'utf8').matchAll(/```ts\n\/\/ (\w+\.ts)\n(.*?)```/gs),
].map(([, name = '', code = '']) => ({ name, code }));

describe('the client entries of the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-clients-'));
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object };
  };

  const problemsOf = (program: ts.Program): string[] =>
    ts
      .getPreEmitDiagnostics(program)
      .map((one) => `${one.file?.fileName}:${one.start}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`);

  before(() => {
    const modules = join(folder, 'node_modules');
    const own = join(modules, 'meridian');
    mkdirSync(own, { recursive: true });
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (!name.startsWith('.') && name !== 'meridian' && name !== '@types')
        symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    copyFileSync(join(ROOT, 'package.json'), join(own, 'package.json'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const { name, code } of examples) writeFileSync(join(folder, name), code);
    // As the build does, of the clients alone.
    const build = ts.readConfigFile(join(ROOT, 'tsconfig.build.json'), (path) => readFileSync(path, 'utf8')) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(
      {
        ...config.compilerOptions,
        ...build.config.compilerOptions,
        outDir: join(own, 'dist'),
        rootDir: join(ROOT, 'src'),
      },
      ROOT,
    );
    const program = ts.createProgram(
      ENTRIES.map((name) => join(ROOT, 'src/client', `${name}.ts`)),
      options,
    );
    assert.deepEqual(problemsOf(program), []);
    program.emit();
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const moduleResolution of ['nodenext', 'bundler']) {
    it(`agree with the examples of docs/clients.md, in a browser project that resolves modules as ${moduleResolution}`, () => {
      assert.deepEqual(
        examples.map(({ name }) => name),
        ['tokens.ts', 'apollo.ts', 'urql.ts', 'relay.ts', 'socket.ts', 'rest.ts', 'render.ts'],
      );
      // Neither Node's types nor the package's source are there.
      const { options } = ts.convertCompilerOptionsFromJson(
        {
          ...config.compilerOptions,
          rewriteRelativeImportExtensions: false,
          types: [],
          lib: ['es2022', 'dom', 'dom.iterable'],
          module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
          moduleResolution,
        },
        folder,
      );
      const program = ts.createProgram(
        examples.map(({ name }) => join(folder, name)),
        options,
      );
      assert.deepEqual(problemsOf(program), []);
      assert.ok(
        program.getSourceFiles().some(({ fileName }) => fileName.endsWith('meridian/dist/client/apollo.d.ts')),
        'the published types were not used',
      );
    });
  }

  it('reach a server with the examples unchanged, with queries and with mutations', async () => {
    await using server = await startTestServer();
    for (const { name, code } of examples)
      writeFileSync(join(folder, name), code.replaceAll('https://graph.example.com/graphql', server.running.url));
    const script = `
      import { gql } from '@apollo/client';
      const [{ client: urql }, { client: apollo }] = [await import('./urql.ts'), await import('./apollo.ts')];
      const asked = [await urql.query('{ hello }', {}), await urql.mutation('mutation { touch }', {}), await apollo.query({ query: gql('{ hello }') }), await apollo.mutate({ mutation: gql('mutation { touch }') })];
      console.log(JSON.stringify(asked.map(({ data, error }) => error?.message ?? data)));
      process.exit(0);`;
    writeFileSync(join(folder, 'use.ts'), script);
    const child = spawn(process.execPath, ['use.ts'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    await once(child, 'close');
    assert.deepEqual(
      (JSON.parse(out) as Record<string, unknown>[]).map((data) => Object.keys(data)[0]),
      ['hello', 'touch', 'hello', 'touch'],
      out,
    );
  });

  it('can be imported by their names, and export what the page documents', () => {
    const names = ['meridian/client', 'meridian/client/apollo', 'meridian/client/urql', 'meridian/client/relay'];
    const script = `const all = await Promise.all(${JSON.stringify(names)}.map((name) => import(name))); console.log(JSON.stringify(all.map(Object.keys)));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [
      ['createTokenStore', 'withTokens'],
      ['meridianLink'],
      ['meridianExchange'],
      ['meridianFetch'],
    ]);
    assert.ok(!existsSync(join(folder, 'node_modules/meridian/dist/index.js')), 'more than the clients was built');
  });
});
