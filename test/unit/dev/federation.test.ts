/**
 * Owns the proof that a graph's parts are found and fitted together, and that what is missing or wrong is told with its
 * fix.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'graphql';
import { composeSupergraph } from '../../../src/dev/federation/compose.ts';
import { requirePackages } from '../../../src/dev/federation/packages.ts';
import { findSubgraphs } from '../../../src/dev/federation/subgraphs.ts';
import { MAX_SUBGRAPHS } from '../../../src/dev/ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-subgraphs-'));
after(() => rmSync(folder, { recursive: true }));

function application(name: string, subgraphs: readonly string[]): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'subgraphs'), { recursive: true });
  for (const subgraph of subgraphs) mkdirSync(join(root, 'subgraphs', subgraph));
  return root;
}

describe('subgraphs', () => {
  it('are the folders under subgraphs/, by name, each with resolvers if it has a module of them', () => {
    const root = application('good', ['work', 'accounts', '.git']);
    writeFileSync(join(root, 'subgraphs', 'README.md'), '');
    writeFileSync(join(root, 'subgraphs', 'work', 'resolvers.ts'), '');
    assert.deepEqual(findSubgraphs(root, '/sql'), [
      {
        name: 'accounts',
        schema: join(root, 'subgraphs/accounts'),
        sql: '/sql/subgraphs/accounts',
        resolvers: undefined,
      },
      {
        name: 'work',
        schema: join(root, 'subgraphs/work'),
        sql: '/sql/subgraphs/work',
        resolvers: join(root, 'subgraphs/work/resolvers.ts'),
      },
    ]);
  });

  it('are refused in a sentence where they cannot run', () => {
    assert.throws(() => findSubgraphs(join(folder, 'nowhere'), ''), {
      code: 'SCHEMA_INVALID',
      message:
        /looks for subgraphs in .*nowhere\/subgraphs, which cannot be read \(ENOENT.*\); make a folder there for each/,
    });
    assert.throws(() => findSubgraphs(application('none', []), ''), /found no folder in .*none\/subgraphs; make one/);
    assert.throws(
      () =>
        findSubgraphs(
          application(
            'many',
            Array.from({ length: MAX_SUBGRAPHS + 1 }, (_, i) => `s${i}`),
          ),
          '',
        ),
      new RegExp(`holds ${MAX_SUBGRAPHS + 1} subgraphs, but this machine runs ${MAX_SUBGRAPHS} at most`),
    );
    assert.throws(
      () => findSubgraphs(application('wrong', ['Work Items']), ''),
      /The folder .*Work Items has no name for a subgraph; use/,
    );
  });
});

describe('packages of a federated cluster', () => {
  it('that are not installed are named with the command that installs them', () => {
    requirePackages();
    const without =
      (...names: string[]) =>
      (name: string): string => {
        if (names.includes(name)) throw Object.assign(new Error('absent'), { code: 'ERR_MODULE_NOT_FOUND' });
        return name;
      };
    assert.throws(() => requirePackages(without('@graphql-hive/gateway-runtime')), {
      code: 'CLUSTER_START_FAILED',
      message:
        /npm package @graphql-hive\/gateway-runtime, which is not installed; run "npm install --save-dev @graphql-hive\/gateway-runtime", or start without --federated\./,
    });
    assert.throws(
      () => requirePackages(without('@graphql-hive/gateway-runtime', '@theguild/federation-composition')),
      /packages @graphql-hive\/gateway-runtime and @theguild\/federation-composition, which are not installed/,
    );
    assert.throws(() => requirePackages(() => assert.fail('something else')), /something else/);
  });
});

describe('a supergraph', () => {
  const LINK =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external"])\n';
  const part = (name: string, sdl: string): Parameters<typeof composeSupergraph>[0][number] => ({
    name,
    url: `http://127.0.0.1/${name}`,
    typeDefs: parse(LINK + sdl),
  });

  it('knows where each subgraph is', () => {
    const sdl = composeSupergraph([
      part('accounts', 'type Query { user: User } type User @key(fields: "id") { id: ID! name: String }'),
      part(
        'work',
        'type Query { task: Task } type Task { title: String assignee: User } type User @key(fields: "id") { id: ID! }',
      ),
    ]);
    assert.match(sdl, /@join__graph\(name: "accounts", url: "http:\/\/127\.0\.0\.1\/accounts"\)/);
    assert.match(sdl, /@join__graph\(name: "work", url: "http:\/\/127\.0\.0\.1\/work"\)/);
  });

  it('that cannot be made is refused with every reason, its subgraph, what to do, and its code', () => {
    const twice = 'type Query { user: User } type User @key(fields: "id") { id: ID! name: String }';
    assert.throws(() => composeSupergraph([part('accounts', twice), part('work', twice)]), {
      code: 'SCHEMA_INVALID',
      message:
        /^The subgraphs accounts, work do not compose into one graph, which has 2 problems:\n {2}Non-shareable field "Query\.user".*"accounts".*"work".*; keep the field in one subgraph, or mark it @shareable in each, .*\(INVALID_FIELD_SHARING\)\n {2}Non-shareable field "User\.name"/,
    });
    assert.throws(
      () =>
        composeSupergraph([
          part('accounts', 'type Query { user: User } type User @key(fields: "nr") { id: ID! }'),
          part('work', 'type Query { x: Int }'),
        ]),
      /which has one problem:\n {2}accounts: .*; name fields of the type in its @key \(KEY_INVALID_FIELDS\)$/,
    );
  });
});
