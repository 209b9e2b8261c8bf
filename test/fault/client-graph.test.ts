/**
 * Proves with real clients, in Node and in a browser, that a graph of two clusters behind gateways keeps the promise: a
 * client that wrote a name in accounts through EU and a title in work through US reads both through AP in one
 * operation, whichever replica is behind.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Page } from 'puppeteer-core';
import { createTokenStore, type TokenStore } from '../../src/client/index.ts';
import { startBrowser, startSite, type TestBrowser, type TestSite } from '../support/browser.ts';
import { askIn, problemsIn } from '../support/browser-tabs.ts';
import {
  BOTH,
  graphScenario,
  readOwnWrites,
  RENAME,
  RETITLE,
  type GraphVisit,
  type Scenario,
} from '../support/client-scenarios.ts';
import { CLIENTS, type ClientName } from '../support/clients.ts';
import {
  AP,
  EU,
  GATEWAY_KINDS,
  startTestGraph,
  SUBGRAPHS,
  US,
  type SubgraphName,
  type TestGraph,
} from '../support/graph.ts';
import { type GatewayKind } from '../support/gateways.ts';
import { freePort } from '../support/ports.ts';

const ROUNDS = { hive: 100, apollo: 40 };
const FEW = 10;
const PAGE = fileURLToPath(new URL('../support/browser-page.ts', import.meta.url));

describe('clients of a graph', { timeout: 900_000 }, () => {
  let graph: TestGraph;
  before(async () => {
    graph = await startTestGraph();
  });
  after(async () => graph?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const name of SUBGRAPHS) {
      await graph.apps[name].cluster.resumeReplay(AP);
      await graph.apps[name].cluster.caughtUp(AP);
    }
  });

  const urlsOf = async (kind: GatewayKind): Promise<Pick<GraphVisit, 'nameAt' | 'titleAt' | 'readAt'>> => {
    const [nameAt, titleAt, readAt] = await Promise.all(
      [EU, US, AP].map(async (region) => (await graph.gateway({ kind, region })).url),
    );
    return { nameAt: nameAt ?? '', titleAt: titleAt ?? '', readAt: readAt ?? '' };
  };
  const pause = async (...names: readonly SubgraphName[]): Promise<void> => {
    for (const name of names) await graph.apps[name].cluster.pauseReplay(AP);
  };

  for (const kind of GATEWAY_KINDS) {
    for (const client of CLIENTS) {
      const visit = async (store: TokenStore | null): Promise<Scenario> =>
        graphScenario({ client, store, ...(await urlsOf(kind)) }, idOf(kind, client));

      it(`${client} without tokens, through ${kind}, sees none of ${FEW} writes`, async () => {
        await pause(...SUBGRAPHS);
        assert.deepEqual(await readOwnWrites(await visit(null), FEW, `${kind} ${client} alone`), {
          right: 0,
          stale: FEW,
        });
      });

      it(`${client} with tokens, through ${kind}, sees ${ROUNDS[kind]} of ${ROUNDS[kind]} writes`, async () => {
        const store = createTokenStore();
        const scenario = await visit(store);
        const rounds = ROUNDS[kind] / 4;
        for (const paused of [['accounts'], ['work'], SUBGRAPHS, []] as const) {
          await pause(...paused);
          assert.deepEqual(await readOwnWrites(scenario, rounds, `${kind} ${client} ${paused.join()}`), {
            right: rounds,
            stale: 0,
          });
          for (const name of paused) await graph.apps[name].cluster.resumeReplay(AP);
        }
        assert.ok(store.dehydrate().length < 300, `${store.dehydrate().length} bytes`);
      });
    }

    describe(`Apollo Client in Chromium, through ${kind}`, () => {
      const stack = new AsyncDisposableStack();
      let site: TestSite;
      let browser: TestBrowser;
      let urls: Awaited<ReturnType<typeof urlsOf>>;

      before(async () => {
        site = stack.use(await startSite(PAGE, await freePort()));
        browser = stack.use(await startBrowser());
        urls = await urlsOf(kind);
      });
      after(() => stack.disposeAsync());

      const open = (path = '/'): Promise<Page> => browser.open(site.origin + path);
      const write = async (tab: Page, id: string, value: string): Promise<void> => {
        await askIn(tab, urls.nameAt, RENAME, { id, name: value });
        await askIn(tab, urls.titleAt, RETITLE, { id, title: value });
      };
      const read = async (tab: Page, id: string): Promise<readonly string[]> => {
        const { user, task } = await askIn<{ user: { name: string }; task: { title: string } }>(
          tab,
          urls.readAt,
          BOTH,
          { user: id, task: id },
        );
        return [user.name, task.title];
      };

      it('does not show a saved value without the token link', async () => {
        await pause(...SUBGRAPHS);
        const tab = await open('/?tokens=off');
        await write(tab, '21', `${kind} alone`);
        const seen = await read(tab, '21');
        assert.deepEqual(
          seen.filter((one) => one === `${kind} alone`),
          [],
        );
      });

      it('shows both saved values after a reload and in other tabs, also when two tabs save at once', async () => {
        await pause(...SUBGRAPHS);
        const [one, two] = await Promise.all([open(), open()]);
        for (let round = 0; round < FEW; round += 1) {
          const values = [`${kind} one ${round}`, `${kind} two ${round}`] as const;
          await Promise.all([write(one, '22', values[0]), write(two, '23', values[1])]);
          assert.deepEqual(await read(one, '22'), [values[0], values[0]]);
          await one.reload({ waitUntil: 'load' });
          const third = await open();
          for (const tab of [one, two, third])
            assert.deepEqual(
              [await read(tab, '22'), await read(tab, '23')],
              [
                [values[0], values[0]],
                [values[1], values[1]],
              ],
            );
          assert.deepEqual(await problemsIn(third), []);
          await third.close();
        }
      });
    });
  }
});

/** Of a user and a task that nobody else writes. */
function idOf(kind: GatewayKind, client: ClientName): string {
  return String(1 + GATEWAY_KINDS.indexOf(kind) * CLIENTS.length + CLIENTS.indexOf(client));
}
