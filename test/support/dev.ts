/**
 * Owns running `meridian dev` as people do: a process in a folder of its own, its words, its lines to try, and what
 * must not outlive it.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Manifest } from '../../src/dev/manifest.ts';
import { startOf } from '../../src/dev/process.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'src/cli/main.ts');
const POLL_MS = 50;

export interface DevRun {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves once it says that it is ready; fails with its words when it ends before. */
  ready(withinMs: number): Promise<void>;
  /** The one sentence that it ended with, and its status. */
  failure(): Promise<string>;
  /** The lines after "Try:", run as pasted. */
  tryLines(): { readonly data?: Record<string, unknown> | null; readonly errors?: unknown }[];
}

export class DevFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'meridian-dev-'));
  readonly #runs: ChildProcess[] = [];

  constructor() {
    // As root the databases run under another account, which has to pass through.
    chmodSync(this.path, 0o711);
  }

  dev(...args: readonly string[]): DevRun {
    const child = spawn(process.execPath, [MAIN, 'dev', ...args], {
      cwd: this.path,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#runs.push(child);
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
    return {
      process: child,
      out: () => texts.out,
      err: () => texts.err,
      ready: async (withinMs) => {
        for (const until = performance.now() + withinMs; !texts.err.includes('ready;'); await sleep(POLL_MS))
          assert.ok(child.exitCode === null && performance.now() < until, texts.err);
      },
      failure: async () => {
        const [code] = (await once(child, 'close')) as [number];
        assert.equal(code, 1, texts.err);
        return texts.err.trim();
      },
      tryLines: () => pasted(texts.out, this.path),
    };
  }

  /** Another command of ours, where the cluster's folder is. */
  meridian(...args: readonly string[]): string {
    const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd: this.path, encoding: 'utf8' });
    return stdout + stderr;
  }

  async remove(): Promise<void> {
    for (const child of this.#runs) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await sleep(500);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function pasted(out: string, cwd: string): ReturnType<DevRun['tryLines']> {
  const lines = out
    .slice(out.indexOf('Try:'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .slice(1);
  return lines.map((line) => {
    const { stdout, stderr } = spawnSync('sh', ['-c', line], { cwd, encoding: 'utf8' });
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as { data?: Record<string, unknown> };
  });
}

/** Every process that a manifest names. */
export function pidsOf({ regions, subgraphs, gateways }: Manifest): number[] {
  const all = [...regions, ...subgraphs.flatMap((subgraph) => subgraph.regions)];
  return [
    ...gateways.map(({ pid }) => pid),
    ...all.flatMap(({ pids }) => [pids.server, pids.postgres, pids.redis]),
  ].filter((pid) => pid !== null);
}

export function aliveOf(manifest: Manifest): number[] {
  return pidsOf(manifest).filter((pid) => startOf(pid) !== undefined);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
