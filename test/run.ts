/** Runs the test suites that are named on the command line with Node's own runner; `npm test` names them. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/** A test that hangs fails after this long, milliseconds, rather than holding up the run for ever. */
const TEST_MS = 300_000;

const suites = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const files = suites.flatMap((suite) => (suite.endsWith('.ts') ? [suite] : globSync(`test/${suite}/**/*.test.ts`)));
if (files.length === 0) {
  console.error(`no test files for ${suites.join(', ')}`);
  process.exit(1);
}
const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=2', `--test-timeout=${TEST_MS}`, ...flags, ...files.sort()], { stdio: 'inherit' });
process.exit(run.status ?? 1);
