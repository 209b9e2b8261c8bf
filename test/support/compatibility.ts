/**
 * Owns Apollo's suite for subgraphs: its packages in a folder of their own, its two other subgraphs, and a run of its
 * tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installLocked } from './locked-packages.ts';
import { until } from './observe.ts';
import { freePort } from './ports.ts';

const FOLDER = fileURLToPath(new URL('../compatibility/', import.meta.url));
const SUITE = join(FOLDER, 'node_modules/@apollo/federation-subgraph-compatibility-tests');
const INSTALL_MS = 240_000;
const RUN_MS = 120_000;
const START_MS = 30_000;
/** Of a failed test's message: the suite prints whole schemas. */
const MESSAGE_CHARACTERS = 2_000;

/** Every assertion of the suite, whether it calls it required or not. */
export const ASSERTIONS = [
  'introspection',
  '@key single',
  '@key multiple',
  '@key composite',
  'repeatable @key',
  '@requires',
  '@provides',
  'ftv1',
  '@link',
  '@shareable',
  '@tag',
  '@override',
  '@inaccessible',
  '@composeDirective',
  '@interfaceObject',
] as const;

/** Of these, the ones that ask the subgraph alone, by the suite's file. */
export const ALONE: Readonly<Record<string, readonly string[]>> = {
  composeDirective: ['@composeDirective'],
  ftv1: ['ftv1'],
  inaccessible: ['@inaccessible'],
  introspection: ['introspection'],
  key: ['@key single', '@key multiple', '@key composite', 'repeatable @key'],
  link: ['@link'],
  provides: ['@provides'],
  tag: ['@tag'],
};

export interface SuiteSubgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

export interface SuiteSubgraphs extends AsyncDisposable {
  readonly subgraphs: readonly SuiteSubgraph[];
}

/** Installs the suite as its lock file has it, unless that has been done. */
export function installSuite(): void {
  installLocked(FOLDER, { limitMs: INSTALL_MS });
}

/** Starts `users` and `inventory`, which the suite brings, on free ports. */
export async function startSuiteSubgraphs(): Promise<SuiteSubgraphs> {
  const processes: ChildProcess[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(processes.map(ended)));
  const start = async (name: string): Promise<SuiteSubgraph> => {
    const port = await freePort();
    const folder = join(SUITE, 'dist/subgraphs', name);
    const child = spawn(process.execPath, ['index.js'], {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, [`${name.toUpperCase()}_PORT`]: String(port) },
    });
    processes.push(child);
    const url = `http://127.0.0.1:${port}/`;
    await until(`the suite's subgraph ${name} answers`, () => answers(url), { withinMs: START_MS, everyMs: 100 });
    return { name, url, sdl: readFileSync(join(folder, `${name}.graphql`), 'utf8') };
  };
  try {
    return { subgraphs: await Promise.all(['users', 'inventory'].map(start)), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });
    return response.ok;
  } catch {
    // Not listening yet.
    return false;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

interface JestOutput {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export interface SuiteRun {
  readonly productsUrl: string;
  /** Null: nobody is there, so that a test which asks a supergraph fails. */
  readonly supergraphUrl: string | null;
  /** Files of the suite's tests, without their ending; default all. */
  readonly files?: readonly string[];
}

/** Runs the suite's tests. Assertion → 'passed', or why not. */
export async function runSuite({ productsUrl, supergraphUrl, files = [] }: SuiteRun): Promise<Record<string, string>> {
  const jest = join(FOLDER, 'node_modules/jest/bin/jest.js');
  const chosen = files.map((file) => `/${file}\\.test\\.js$`);
  const child = spawn(
    process.execPath,
    [jest, '--ci', '--json', '--config', join(FOLDER, 'jest.config.cjs'), ...chosen],
    {
      cwd: FOLDER,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS,
      env: { ...process.env, PRODUCTS_URL: productsUrl, SUPERGRAPH_URL: supergraphUrl ?? 'http://127.0.0.1:9/' },
    },
  );
  const [out, err] = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => ((await stream.toArray()) as Buffer[]).join('')),
  );
  if (!out?.startsWith('{')) throw new Error(`jest did not run: ${err}`);
  const { testResults } = JSON.parse(out) as JestOutput;
  const outcome: Record<string, string> = {};
  for (const { name, message, assertionResults } of testResults) {
    if (assertionResults.length === 0) outcome[name] = message;
    for (const { ancestorTitles, fullName, status, failureMessages } of assertionResults) {
      const assertion = ancestorTitles[0] ?? fullName;
      if ((outcome[assertion] ?? 'passed') === 'passed')
        outcome[assertion] = status === 'passed' ? status : failureMessages.join('\n').slice(0, MESSAGE_CHARACTERS);
    }
  }
  return outcome;
}
