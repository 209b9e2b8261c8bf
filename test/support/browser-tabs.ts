/** Owns asking from a browser's tab: what a user's page would do there. */
import { type Page } from 'puppeteer-core';
// The page itself runs in browsers only: nothing of it may be loaded here.
import type { TestPage } from './browser-page.ts';

type Global = typeof globalThis & { readonly testPage: TestPage };

export async function askIn<D>(
  tab: Page,
  url: string,
  text: string,
  variables: Record<string, unknown> = {},
): Promise<D> {
  return (await tab.evaluate(
    (...args: [string, string, Record<string, unknown>]) => (globalThis as Global).testPage.ask(...args),
    url,
    text,
    variables,
  )) as D;
}

export const tokensIn = (tab: Page): Promise<readonly string[]> =>
  tab.evaluate(() => (globalThis as Global).testPage.tokens());
export const problemsIn = (tab: Page): Promise<readonly string[]> =>
  tab.evaluate(() => (globalThis as Global).testPage.problems);
export const learnIn = (tab: Page, token: string): Promise<void> =>
  tab.evaluate((one) => (globalThis as Global).testPage.learn(one), token);
export const signOutIn = (tab: Page): Promise<void> => tab.evaluate(() => (globalThis as Global).testPage.signOut());
/** Fills the storage of the tab's origin to its last character. */
export const fillStorageIn = (tab: Page): Promise<void> =>
  tab.evaluate(() => {
    const { localStorage } = globalThis as typeof globalThis & {
      localStorage: { setItem(key: string, value: string): void };
    };
    for (let size = 4_000_000, i = 0; size >= 1; i += 1) {
      try {
        localStorage.setItem(`fill${i}`, 'x'.repeat(size));
      } catch {
        size = Math.floor(size / 2);
      }
    }
  });
