import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig, type Config } from '../../../src/config/load.ts';
import { loadModule } from '../../../src/app/module.ts';

describe('the resolvers module', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-module-'));
  after(() => rmSync(folder, { recursive: true }));
  const module = (name: string, text: string, settings: Record<string, unknown> = {}): Config => {
    writeFileSync(join(folder, name), text);
    return loadConfig({ settings: { resolvers: join(folder, name), ...settings }, env: {} });
  };

  it('may export resolvers and hooks', async () => {
    const loaded = await loadModule(
      module(
        'whole.ts',
        `
      export default { Query: { hello: (): string => 'there' } };
      export const viewer = ({ headers }: { headers: Record<string, string | undefined> }) => (headers['x-user'] ? { id: headers['x-user'], tenant: null, roles: [] } : null);
      export const isAdmin = (viewer: { id: string } | null): boolean => viewer?.id === 'root';`,
        { auth: 'hook' },
      ),
    );
    assert.deepEqual(Object.keys(loaded.resolvers), ['Query']);
    assert.deepEqual(await loaded.viewer?.({ headers: { 'x-user': '7' } }), { id: '7', tenant: null, roles: [] });
    assert.equal(await loaded.isAdmin?.({ id: 'root', tenant: null, roles: [] }), true);
  });

  it('may export hooks only', async () => {
    assert.deepEqual((await loadModule(module('hooks.ts', 'export const viewer = () => null;'))).resolvers, {});
  });

  it('is refused with the file and what to do where it cannot be used', async () => {
    const refused = async (config: Config, sentence: RegExp): Promise<void> => {
      await assert.rejects(
        loadModule(config),
        (error: Error & { code?: string }) =>
          error.code === 'CONFIG_INVALID' && error.message.includes(folder) && sentence.test(error.message),
      );
    };
    await refused(
      module('broken.ts', 'export default {'),
      /cannot be loaded: .*name a JavaScript or TypeScript module/s,
    );
    await refused(module('map.ts', 'export default 7;'), /has a default export that is no resolver map/);
    await refused(module('hook.ts', 'export const viewer = 7;'), /exports viewer, which is no function/);
    await refused(
      module('none.ts', 'export default {};', { auth: 'hook' }),
      /exports no viewer, which auth: hook needs/,
    );
  });

  it('must be named where auth is left to it', () => {
    assert.throws(
      () => loadConfig({ settings: { auth: 'hook', tokenSecret: 'x'.repeat(32) }, env: {}, needs: ['secrets'] }),
      /names no module, though auth: hook needs one/,
    );
  });
});
