/**
 * Owns the proof of what answers say about being kept on their way, and that no field is wrapped to find that out where
 * nothing declares it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildSchema, defaultFieldResolver } from 'graphql';
import { defaultOptions } from '../../../src/config/options.ts';
import { startServer } from '../../../src/server/start.ts';
import { createViewers } from '../../../src/server/viewer.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';

const DIRECTIVE =
  'directive @cacheControl(maxAge: Int, scope: CacheControlScope) on FIELD_DEFINITION enum CacheControlScope { PUBLIC PRIVATE }';

/** Headers of the answers to these queries. */
async function kept(
  sdl: string,
  queries: readonly string[],
): Promise<{ readonly headers: readonly (string | null)[]; readonly isWrapped: boolean }> {
  const schema = buildSchema(sdl);
  const options = defaultOptions({ port: 0, auth: 'none' });
  const server = await startServer({
    schema,
    context: () => ({}),
    viewers: createViewers(options),
    health: { ready: async () => ({ ok: true }) },
    options,
    telemetry: silentTelemetry(),
  });
  try {
    const headers: (string | null)[] = [];
    for (const query of queries) {
      const response = await fetch(server.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      await response.arrayBuffer();
      headers.push(response.headers.get('cache-control'));
    }
    const { resolve } = schema.getQueryType()?.getFields()['hello'] ?? {};
    return { headers, isWrapped: resolve !== undefined && resolve !== defaultFieldResolver };
  } finally {
    await server.close();
  }
}

describe('an answer', () => {
  it('may be kept by nobody where the schema has no @cacheControl, whether it has data, errors, or is refused', async () => {
    const { headers, isWrapped } = await kept('type Query { hello: String must: String! }', [
      '{ hello }',
      '{ must }',
      '{ nothing }',
      '{',
      'mutation { x }',
    ]);
    assert.deepEqual(
      headers,
      Array.from({ length: 5 }, () => 'no-store'),
    );
    assert.equal(isWrapped, false);
  });

  it('may be kept as @cacheControl says where the schema has it', async () => {
    const { headers } = await kept(
      `${DIRECTIVE} type Query { hello: String @cacheControl(maxAge: 60) other: String }`,
      ['{ hello }', '{ hello other }', '{ nothing }'],
    );
    assert.deepEqual(headers, ['max-age=60, public', 'no-store', 'no-store']);
  });
});
