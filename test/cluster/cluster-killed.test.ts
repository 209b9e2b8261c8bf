import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startOf } from '../../src/cluster/process.ts';

const PROGRAM = fileURLToPath(new URL('../support/cluster-program.ts', import.meta.url));
const GONE_MS = 5_000;

describe('a cluster whose process is gone', { timeout: 60_000 }, () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`leaves nothing behind after ${signal}`, async () => {
      const program = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(createInterface(program.stdout), 'line')) as [string];
      const { pids, dataDir } = JSON.parse(line) as { pids: number[]; dataDir: string };
      const alive = (): number[] => pids.filter((pid) => startOf(pid) !== undefined);
      assert.deepEqual(alive(), pids);
      program.kill(signal);
      await once(program, 'exit');
      for (const until = performance.now() + GONE_MS; (alive().length > 0 || existsSync(dataDir)) && performance.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(alive(), []);
      assert.ok(!existsSync(dataDir), 'nor does its folder stay');
    });
  }
});
