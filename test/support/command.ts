/**
 * Owns running `meridian` as people do: a process of its own, with nothing of the test's environment but the path and
 * what Node has compiled.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const compiled = process.env['NODE_COMPILE_CACHE'];
const ENV = { PATH: process.env['PATH'] ?? '', ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }) };

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandSettings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function meridian(args: readonly string[], settings: CommandSettings = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...ENV, ...settings.env },
      ...(settings.cwd === undefined ? {} : { cwd: settings.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (chunk: string) => (output[name] += chunk));
    child.once('error', reject).once('close', (status) => resolve({ status, ...output }));
  });
}
