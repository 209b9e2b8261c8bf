/** Owns the proof that what the server keeps of operations is bounded, and that hashes can be refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { Kind, type DocumentNode } from 'graphql';
import { createStores } from '../../../src/server/stores.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';

async function codeOf(server: TestServer, hashed: string, query?: string): Promise<unknown> {
  const extensions = { persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(hashed).digest('hex') } };
  const response = await fetch(server.running.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...(query === undefined ? {} : { query }), extensions }),
  });
  const { errors } = (await response.json()) as {
    errors?: readonly { readonly extensions: { readonly code: unknown } }[];
  };
  return errors?.[0]?.extensions.code ?? null;
}

describe('queries by hash', () => {
  const queries = Array.from({ length: 20 }, (_, i) => `{ hello } # ${i}`);

  it('are kept up to a number of bytes, the latest of them', async () => {
    await using server = await startTestServer({ options: { persistedQueryBytes: 500 } });
    for (const query of queries) assert.equal(await codeOf(server, query, query), null);
    const known: unknown[] = [];
    for (const query of queries) known.push(await codeOf(server, query));
    // A text of some dozen bytes and a hash of 64 digits, of which 500 bytes hold six.
    assert.deepEqual(
      known,
      queries.map((_, i) => (i < queries.length - 6 ? 'PERSISTED_QUERY_NOT_FOUND' : null)),
    );
  });

  it('are refused where none may be kept, with the error that clients know', async () => {
    await using server = await startTestServer({ options: { persistedQueryBytes: 0 } });
    assert.equal(await codeOf(server, '{ hello }'), 'PERSISTED_QUERY_NOT_SUPPORTED');
    assert.equal((await server.ask('{ hello }')).status, 200);
  });
});

describe('parsed documents', () => {
  it('are kept up to a number of bytes', async () => {
    const { documentStore } = createStores({ documentBytes: 1_000, persistedQueryBytes: 0 });
    // Some 260 bytes as JSON: three of them.
    const document: DocumentNode = {
      kind: Kind.DOCUMENT,
      definitions: [{ kind: Kind.SCALAR_TYPE_DEFINITION, name: { kind: Kind.NAME, value: 'x'.repeat(150) } }],
    };
    const names = Array.from({ length: 100 }, (_, i) => `hash ${i}`);
    for (const name of names) await documentStore?.set(name, document);
    const kept: string[] = [];
    for (const name of names) if ((await documentStore?.get(name)) !== undefined) kept.push(name);
    assert.deepEqual(kept, names.slice(-3));
    assert.equal(createStores({ documentBytes: 0, persistedQueryBytes: 0 }).documentStore, null);
  });
});
