/** Tests of the options that name the graph's subgraphs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { parseSiblings } from '../../../src/config/siblings.ts';

describe('siblings', () => {
  it('are read from text, and from a file as the object itself', () => {
    const urls = { accounts: 'http://127.0.0.1:4001/graphql', work: 'https://work.eu.example.com/graphql' };
    assert.deepEqual(parseSiblings(JSON.stringify(urls)), { siblings: new Map(Object.entries(urls)) });
    assert.deepEqual(parseSiblings(''), { siblings: new Map() });
    for (const options of [
      loadConfig({ settings: { subgraph: 'work', siblings: urls }, env: {} }).options,
      loadConfig({ settings: {}, env: { MERIDIAN_SUBGRAPH: 'work', MERIDIAN_SIBLINGS: JSON.stringify(urls) } }).options,
    ]) {
      assert.deepEqual(parseSiblings(options.siblings), { siblings: new Map(Object.entries(urls)) });
    }
  });

  it('are refused with what is wrong', () => {
    const refused = (siblings: unknown, message: RegExp): void =>
      assert.throws(() => loadConfig({ settings: { subgraph: 'work', siblings }, env: {} }), {
        code: 'CONFIG_INVALID',
        message,
      });
    for (const form of ['accounts=http://a', '[]', '{}', '"http://a"', {}, 7])
      refused(form, /siblings \(settings\) must be a JSON object of names and URLs, as in /);
    refused({ '1st': 'http://a/' }, /must give subgraphs by their names, and "1st" is not a name of up to 63/);
    for (const url of ['a/graphql', 'ftp://a/', 7])
      refused({ accounts: url }, /must give the URL of each subgraph's GraphQL, .* and accounts has none/);
    refused(
      { accounts: 'http://root:pw@a/' },
      /must give URLs without a user or a password, and that of accounts has one/,
    );
    assert.throws(() => loadConfig({ settings: { siblings: { accounts: 'http://a/' } }, env: {} }), {
      message: /subgraph \(not given\) must name this server's own subgraph where siblings names others/,
    });
    assert.throws(() => loadConfig({ settings: { subgraph: 'my graph' }, env: {} }), {
      message: /subgraph \(settings\) must be a name of up to 63/,
    });
  });
});
