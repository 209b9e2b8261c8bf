/** Proves that each client entry runs in a browser, holds nothing of Node's, and is small. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes as a browser loads them, without the client library, which the application has anyway. */
const LIMITS = { index: 4_000, apollo: 2_500, urql: 3_000, relay: 2_000 };

describe('what a browser loads', () => {
  for (const [entry, limit] of Object.entries(LIMITS)) {
    it(`of meridian/client/${entry} is small, and only of the client and its tokens`, async (context) => {
      const result = await build({
        entryPoints: [`src/client/${entry}.ts`],
        bundle: true,
        minify: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2022',
        write: false,
        metafile: true,
        external: ['@apollo/client', '@urql/core', 'relay-runtime'],
      });
      const inputs = Object.keys(result.metafile.inputs);
      assert.deepEqual(
        inputs.filter(
          (path) => !/^src\/client\/[\w-]+\.ts$/.test(path) && !/^src\/protocol\/(headers|token-text)\.ts$/.test(path),
        ),
        [],
      );
      const [output] = result.outputFiles;
      const bytes = gzipSync(output?.contents ?? '').length;
      context.diagnostic(`${entry}: ${output?.contents.length} bytes, ${bytes} compressed`);
      assert.ok(bytes < limit, `${bytes} bytes`);
      assert.doesNotMatch(output?.text ?? '', /node:|require\(|process\./);
    });
  }

  it('can be bundled together with every client library', async () => {
    const contents =
      "export * from './src/client/index.ts'; export * from './src/client/apollo.ts'; export * from './src/client/urql.ts'; export * from './src/client/relay.ts';";
    const result = await build({
      stdin: { contents, resolveDir: '.', loader: 'ts' },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    assert.deepEqual(
      Object.values(result.metafile.outputs).flatMap(({ imports }) => imports),
      [],
      'something is left for somebody else to load',
    );
  });
});
