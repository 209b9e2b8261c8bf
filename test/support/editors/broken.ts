/** Owns servers that lack one mechanism: a process of their own, beside the whole ones and over the same databases. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { JWT_SECRET, TOKEN_SECRET, type TestApp } from '../app.ts';
import { EDITOR_SETTINGS } from './schema.ts';

const PROCESS = fileURLToPath(new URL('./server-process.ts', import.meta.url));
const BREAK = new URL('../break.ts', import.meta.url).href;
const READY_MS = 60_000;

export interface BrokenServers extends AsyncDisposable {
  readonly url: (region: string) => string;
}

export async function startBroken(
  { cluster }: TestApp,
  mechanism: string,
  regions: readonly string[],
): Promise<BrokenServers> {
  const settings = regions.map((region) => {
    const databases = Object.fromEntries(
      cluster.regions.map(({ name }) => [name, { databaseUrl: cluster.dsnFor(region, name) }]),
    );
    return {
      region,
      regions: databases,
      port: 0,
      tokenSecret: TOKEN_SECRET,
      jwtSecret: JWT_SECRET,
      ...EDITOR_SETTINGS,
    };
  });
  const child = spawn(process.execPath, ['--import', BREAK, PROCESS, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, BREAK: mechanism },
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  try {
    const lines = createInterface({ input: child.stdout });
    const [first] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    if (first === undefined)
      throw new Error(`servers without the ${mechanism} did not start within ${READY_MS} ms, or ended`);
    const urls = JSON.parse(first) as readonly string[];
    return { url: (region) => urls[regions.indexOf(region)] ?? '', [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
}
