/**
 * Proves cookie mode in a real browser with plain `fetch` and no client library: from another origin of the same site,
 * over reloads and tabs, and with simultaneous requests; never from another site.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Cookie, type Page } from 'puppeteer-core';
import { AP, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { startBrowser, type TestBrowser } from '../support/browser.ts';

const NAME = 'query($id: ID!) { user(id: $id) { name } }';
const RENAME = 'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name } } }';
const NAME_PREFIX = '__Host-meridian';

interface Sent {
  readonly url: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, string>>;
}
type Credentials = 'include' | 'omit';

describe('token cookies in Chromium, with replay paused in AP,', () => {
  let app: TestApp;
  let site: Server;
  let browser: TestBrowser;
  let port = 0;

  before(async () => {
    site = createServer(
      (_request, response) =>
        void response
          .setHeader('content-type', 'text/html')
          .end('<!doctype html><link rel="icon" href="data:,"><p>any page</p>'),
    );
    // By either name of this machine, which are two sites to a browser.
    await new Promise<void>((resolve) => site.listen(0, resolve));
    ({ port } = site.address() as AddressInfo);
    app = await startTestApp({
      scale: 0.05,
      settings: {
        tokenCookie: NAME_PREFIX,
        tokenCookiePath: '/',
        corsOrigins: `http://127.0.0.1:${port},http://localhost:${port}`,
        corsCredentials: true,
      },
    });
    browser = await startBrowser();
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
  });
  after(async () => {
    site.closeAllConnections();
    site.close();
    await Promise.allSettled([browser[Symbol.asyncDispose](), app[Symbol.asyncDispose]()]);
  });

  /** Sends all of them at once; their answers. */
  const fetchIn = (
    tab: Page,
    sent: readonly Sent[],
    credentials: Credentials,
  ): Promise<{ data: Record<string, Record<string, unknown> | null> | null; errors?: unknown }[]> =>
    tab.evaluate(
      async (all, how) =>
        Promise.all(
          all.map(
            async ({ url, query, variables }) =>
              (
                await fetch(url, {
                  method: 'POST',
                  credentials: how,
                  headers: { 'content-type': 'application/json' },
                  body: JSON.stringify({ query, variables }),
                })
              ).json() as unknown,
          ),
        ),
      sent,
      credentials,
    ) as never;
  const write = (region: string, id: number, name: string): Sent => ({
    url: app.server(region).url,
    query: RENAME,
    variables: { id: String(id), name },
  });
  const look = (region: string, id: number): Sent => ({
    url: app.server(region).url,
    query: NAME,
    variables: { id: String(id) },
  });
  const saved = async (tab: Page, sent: readonly Sent[], credentials: Credentials = 'include'): Promise<void> => {
    for (const { errors } of await fetchIn(tab, sent, credentials)) assert.equal(errors, undefined);
  };
  const nameIn = async (
    tab: Page,
    region: string,
    id: number,
    credentials: Credentials = 'include',
  ): Promise<unknown> => (await fetchIn(tab, [look(region, id)], credentials))[0]?.data?.['user']?.['name'];
  const kept = async (tab: Page): Promise<readonly Cookie[]> =>
    (await tab.browserContext().cookies()).filter(({ name }) => name.startsWith(NAME_PREFIX));

  it('show a saved value after a reload and in a second tab, and the value is missing if they are not sent', async () => {
    const tab = await browser.open(`http://127.0.0.1:${port}/`);
    await saved(tab, [write(EU, 1, 'without')], 'omit');
    assert.notEqual(await nameIn(tab, AP, 1, 'omit'), 'without');
    for (let round = 0; round < 5; round += 1) {
      await saved(tab, [write(round % 2 === 0 ? EU : AP, 1, `saved ${round}`)]);
      assert.equal(await nameIn(tab, AP, 1), `saved ${round}`);
    }
    await tab.reload({ waitUntil: 'load' });
    assert.equal(await nameIn(tab, AP, 1), 'saved 4');
    const second = await browser.open(`http://127.0.0.1:${port}/`);
    assert.equal(await nameIn(second, AP, 1), 'saved 4');
    await saved(second, [write(EU, 1, 'saved in the second')]);
    assert.equal(await nameIn(tab, AP, 1), 'saved in the second');
    await Promise.all([tab.close(), second.close()]);
  });

  it("cannot be read by the page's scripts", async () => {
    const tab = await browser.open(`http://127.0.0.1:${port}/`);
    await saved(tab, [write(US, 2, 'any')]);
    assert.equal(await tab.evaluate('document.cookie'), '');
    const [cookie, ...more] = await kept(tab);
    assert.deepEqual([cookie?.httpOnly, cookie?.secure, cookie?.sameSite, more], [true, true, 'Strict', []]);
    await tab.close();
  });

  it('lose no token of simultaneous requests, and become few again with the next request', async () => {
    const tab = await browser.open(`http://127.0.0.1:${port}/`);
    for (let round = 0; round < 5; round += 1) {
      const ids = Array.from({ length: 8 }, (_, i) => 10 + i);
      await saved(
        tab,
        ids.flatMap((id) => [write(id % 2 === 0 ? EU : US, id, `${id} in ${round}`), look(AP, 3), look(US, 3)]),
      );
      for (const id of ids) assert.equal(await nameIn(tab, AP, id), `${id} in ${round}`);
      assert.equal((await kept(tab)).length, 1);
    }
    await tab.close();
  });

  it('are neither sent nor accepted in requests from a page of another site', async () => {
    const friend = await browser.open(`http://127.0.0.1:${port}/`);
    await saved(friend, [write(EU, 4, 'by the friend')]);
    const before = await kept(friend);
    const stranger = await browser.open(`http://localhost:${port}/`);
    assert.notEqual(await nameIn(stranger, AP, 4), 'by the friend');
    assert.deepEqual(
      (await kept(friend)).map(({ name }) => name),
      before.map(({ name }) => name),
    );
    await Promise.all([friend.close(), stranger.close()]);
  });
});
