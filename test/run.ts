/** Runs the test suites that are named on the command line with Node's own runner; `npm test` names them. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A test that hangs fails after this long, milliseconds, rather than holding up the run for ever. */
const TEST_MS = 300_000;

/**
 * Every test file is a process of its own: what one has compiled, the next need not. Node keeps it right when files
 * change.
 */
const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'meridian-compile-cache'), ...process.env };

const suites = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const files = suites.flatMap((suite) => (suite.endsWith('.ts') ? [suite] : globSync(`test/${suite}/**/*.test.ts`)));
if (files.length === 0) {
  console.error(`no test files for ${suites.join(', ')}`);
  process.exit(1);
}
const run = spawnSync(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-concurrency=2', `--test-timeout=${TEST_MS}`, ...flags, ...files.sort()],
  { stdio: 'inherit', env },
);
process.exit(run.status ?? 1);
