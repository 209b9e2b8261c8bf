/** Proves that no database server of an embedded cluster keeps running after the cluster's process was killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { endLeftover } from '../../src/dev/postgres/leftover.ts';
import { startOf } from '../../src/dev/process.ts';

const PROGRAM = fileURLToPath(new URL('../support/cluster-program.ts', import.meta.url));
const GONE_MS = 5_000;

describe('an embedded cluster whose process is killed', { timeout: 60_000 }, () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`leaves nothing behind after ${signal}`, async () => {
      const program = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(createInterface(program.stdout), 'line')) as [string];
      const { pids, dataDir } = JSON.parse(line) as { pids: number[]; dataDir: string };
      const alive = (): number[] => pids.filter((pid) => startOf(pid) !== undefined);
      assert.deepEqual(alive(), pids);
      program.kill(signal);
      await once(program, 'exit');
      for (
        const until = performance.now() + GONE_MS;
        (alive().length > 0 || existsSync(dataDir)) && performance.now() < until;
      )
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(alive(), []);
      assert.ok(!existsSync(dataDir), 'nor does its folder stay');
    });
  }

  it('leaves database servers when its supervisor is killed too, and the next start ends them', async () => {
    const program = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(program.stdout), 'line')) as [string];
    const { pids, dataDir } = JSON.parse(line) as { pids: [number, number, number]; dataDir: string };
    const [supervisor, first, second] = pids;
    program.kill('SIGSTOP');
    process.kill(supervisor, 'SIGKILL');
    program.kill('SIGKILL');
    await once(program, 'exit');
    assert.ok(startOf(first) !== undefined && startOf(second) !== undefined);
    await Promise.all([endLeftover(join(dataDir, 'a')), endLeftover(join(dataDir, 'b'))]);
    assert.deepEqual([startOf(first), startOf(second)], [undefined, undefined]);
    rmSync(dirname(dataDir), { recursive: true });
  });
});
