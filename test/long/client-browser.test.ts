/**
 * Proves in a real browser, from another origin than the servers', that a saved value is visible at once, after a
 * reload, in other tabs, and when two tabs save at once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Page } from 'puppeteer-core';
import { createTokenStore } from '../../src/client/index.ts';
import { AP, EU, startTestApp, type TestApp } from '../support/app.ts';
import { startBrowser, startSite, type TestBrowser, type TestSite } from '../support/browser.ts';
import { askIn, fillStorageIn, learnIn, problemsIn, signOutIn, tokensIn } from '../support/browser-tabs.ts';
import { NAME, RENAME } from '../support/client-scenarios.ts';
import { CLIENTS, makeClient } from '../support/clients.ts';
import { freePort } from '../support/ports.ts';

const PAGE = fileURLToPath(new URL('../support/browser-page.ts', import.meta.url));
const ROUNDS = 20;
const FEW = 5;

describe('a page in Chromium, with replay paused in AP,', () => {
  const stack = new AsyncDisposableStack();
  let app: TestApp;
  let site: TestSite;
  let browser: TestBrowser;

  before(async () => {
    site = stack.use(await startSite(PAGE, await freePort()));
    app = stack.use(await startTestApp({ scale: 0.05, settings: { corsOrigins: site.origin } }));
    browser = stack.use(await startBrowser());
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
  });
  after(() => stack.disposeAsync());

  const open = (path = '/'): Promise<Page> => browser.open(site.origin + path);
  const write = async (tab: Page, id: string, name: string): Promise<void> => {
    const { updateUser } = await askIn<{ updateUser: { user: { name: string } } }>(tab, app.server(EU).url, RENAME, {
      id,
      name,
    });
    assert.equal(updateUser.user.name, name);
  };
  const read = async (tab: Page, id: string): Promise<string> =>
    (await askIn<{ user: { name: string } }>(tab, app.server(AP).url, NAME, { id })).user.name;

  it('does not show a saved value without the token link', async () => {
    const tab = await open('/?tokens=off');
    for (let round = 0; round < ROUNDS; round += 1) {
      await write(tab, '1', `alone ${round}`);
      assert.notEqual(await read(tab, '1'), `alone ${round}`);
    }
    await tab.close();
  });

  it('shows a saved value with the token link, after a reload, and in a second tab', async () => {
    const tab = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      await write(tab, '2', `saved ${round}`);
      assert.equal(await read(tab, '2'), `saved ${round}`);
      await tab.reload({ waitUntil: 'load' });
      assert.equal(await read(tab, '2'), `saved ${round}`, 'after the reload');
    }
    const second = await open();
    assert.equal(await read(second, '2'), `saved ${ROUNDS - 1}`, 'in a second tab');
    await write(second, '2', 'saved in the second');
    assert.equal(await read(tab, '2'), 'saved in the second', 'in the first tab');
    assert.deepEqual([await problemsIn(tab), await problemsIn(second)], [[], []]);
    await Promise.all([tab.close(), second.close()]);
  });

  for (const client of CLIENTS.filter((name) => name !== 'Apollo Client')) {
    it(`shows a saved value with ${client}, and does not without tokens`, async () => {
      const tab = await open(`/?client=${client}&tokens=off`);
      await write(tab, '9', `${client} alone`);
      assert.notEqual(await read(tab, '9'), `${client} alone`);
      await tab.goto(`${site.origin}/?client=${client}`);
      for (let round = 0; round < FEW; round += 1) {
        await write(tab, '9', `${client} ${round}`);
        assert.equal(await read(tab, '9'), `${client} ${round}`);
        await tab.reload({ waitUntil: 'load' });
        assert.equal(await read(tab, '9'), `${client} ${round}`, 'after the reload');
      }
      await tab.close();
    });
  }

  it('forgets tokens at a reload if they are kept in memory only', async () => {
    const tab = await open('/?tokens=memory');
    await write(tab, '3', 'in memory');
    assert.equal(await read(tab, '3'), 'in memory');
    await tab.reload({ waitUntil: 'load' });
    assert.notEqual(await read(tab, '3'), 'in memory');
    await tab.close();
  });

  it('shows in a third tab what two others have saved at once', async () => {
    const [one, two, third] = await Promise.all([open(), open(), open()]);
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([write(one, '4', `one ${round}`), write(two, '5', `two ${round}`)]);
      assert.deepEqual(await Promise.all([read(third, '4'), read(third, '5')]), [`one ${round}`, `two ${round}`]);
    }
    assert.equal((await tokensIn(third)).length, 1, 'tokens pile up');
    await Promise.all([one.close(), two.close(), third.close()]);
  });

  it('starts with the tokens of the server that rendered it', async () => {
    const onServer = createTokenStore();
    await makeClient('Apollo Client', { url: app.server(EU).url, store: onServer }).mutate(RENAME, {
      id: '6',
      name: 'by the server',
    });
    const plain = await open('/?tokens=memory');
    assert.notEqual(await read(plain, '6'), 'by the server');
    const rendered = await open(`/?tokens=memory&initial=${encodeURIComponent(onServer.dehydrate())}`);
    assert.equal(await read(rendered, '6'), 'by the server');
    await Promise.all([plain.close(), rendered.close()]);
  });

  it('keeps tokens in memory when the storage is full or may not be used', async () => {
    const tab = await open();
    await write(tab, '7', 'before it is full');
    await fillStorageIn(tab);
    await write(tab, '7', 'when it is full');
    assert.deepEqual([await read(tab, '7'), await problemsIn(tab)], ['when it is full', ['STORAGE_FAILED']]);
    // What was read may have found room where the write's token took that of the one before.
    await fillStorageIn(tab);
    await write(tab, '7', 'when it is full again');
    await tab.evaluate(() =>
      (globalThis as typeof globalThis & { localStorage: { clear(): void } }).localStorage.clear(),
    );
    assert.equal(await read(tab, '7'), 'when it is full again');
    const sandboxed = await open('/sandboxed');
    const token = createTokenStore({ initial: 'm1.x.y' }).dehydrate();
    await learnIn(sandboxed, token);
    assert.deepEqual([await tokensIn(sandboxed), await problemsIn(sandboxed)], [[token], ['STORAGE_FAILED']]);
    await Promise.all([tab.close(), sandboxed.close()]);
  });

  it('forgets all tokens in every tab at sign-out', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    await write(one, '8', 'signed in');
    assert.equal((await tokensIn(two)).length, 1);
    await signOutIn(one);
    assert.deepEqual([await tokensIn(one), await tokensIn(two)], [[], []]);
    await Promise.all([one.close(), two.close()]);
  });
});
