/**
 * Owns a real browser for tests: Chromium, installed first where that is possible, with a profile that goes when it
 * does.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { build } from 'esbuild';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const INSTALL_MS = 300_000;
const LAUNCH_MS = 60_000;
const CLOSE_MS = 10_000;
const PAGE_MS = 30_000;

function found(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Throws with what to do where there is none: without a browser nothing is proved. */
function chromium(): string {
  const present = found();
  if (present !== undefined) return present;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { env, timeout: INSTALL_MS })
      .status === 0;
  if (
    process.getuid?.() === 0 &&
    !install() &&
    spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0
  )
    install();
  const installed = found();
  if (installed === undefined)
    throw new Error(
      'No Chromium is here, and this user cannot install one: install the package `chromium`, or put `chromium` or `google-chrome` into PATH.',
    );
  return installed;
}

export interface TestBrowser extends AsyncDisposable {
  /** Opens a tab; all tabs share one profile, and so one storage. */
  open(url: string): Promise<Page>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = chromium();
  const profile = mkdtempSync(join(tmpdir(), 'meridian-browser-'));
  // Root may not use the sandbox; small machines have a small /dev/shm.
  const args = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-dev-shm-usage',
    '--disable-gpu',
    '--no-first-run',
  ];
  let browser: Browser;
  try {
    browser = await puppeteer.launch({
      executablePath,
      userDataDir: profile,
      args,
      timeout: LAUNCH_MS,
      protocolTimeout: LAUNCH_MS,
    });
  } catch (error) {
    rmSync(profile, { recursive: true, force: true });
    throw error;
  }
  return {
    async open(url) {
      const page = await browser.newPage();
      page.setDefaultTimeout(PAGE_MS);
      await page.goto(url, { waitUntil: 'load' });
      return page;
    },
    async [Symbol.asyncDispose]() {
      const program = browser.process();
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([browser.close().catch(() => undefined), late]);
      program?.kill('SIGKILL');
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
      const left = processesNaming(profile);
      if (left.length > 0) throw new Error(`the browser has left ${left.length} processes: ${left.join('; ')}`);
    },
  };
}

/** Command lines that name this profile; none where there is no /proc. */
function processesNaming(profile: string): string[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
          return line.includes(profile) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
            ? [`${pid} ${line.slice(0, 80)}`]
            : [];
        } catch {
          return [];
        }
      });
  } catch {
    return [];
  }
}

export interface TestSite extends AsyncDisposable {
  readonly origin: string;
}

/**
 * Serves a page with one script, bundled from `entry`, at every path; under `/sandboxed` as one that may not look at
 * any storage. `?initial=` goes into the page as a server would render it.
 */
export async function startSite(entry: string, port: number): Promise<TestSite> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const script = outputFiles[0]?.text ?? '';
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/page.js') return void response.setHeader('content-type', 'text/javascript').end(script);
    if (pathname === '/sandboxed') response.setHeader('content-security-policy', 'sandbox allow-scripts');
    const initial = JSON.stringify(searchParams.get('initial')).replaceAll('<', '\\u003c');
    response
      .setHeader('content-type', 'text/html')
      .end(
        `<!doctype html><link rel="icon" href="data:,"><script>initialTokens = ${initial}</script><script src="/page.js"></script>`,
      );
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
