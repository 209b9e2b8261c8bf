/** Owns the proof that a process goes on, and ends on a signal, whatever becomes of the one who reads its output. */
import assert from 'node:assert/strict';
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startOf } from '../../../src/dev/process.ts';

const PROGRAM = fileURLToPath(new URL('../../support/detached-process.ts', import.meta.url));

interface Told {
  readonly lines: number;
  readonly dropped: number;
  readonly waiting: number;
}

/** A process whose output goes through pipes that nothing reads until the test does. */
function start(): ChildProcess {
  return fork(PROGRAM, [], { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

async function untilDropped(child: ChildProcess): Promise<Told> {
  for (;;) {
    const [told] = (await once(child, 'message')) as [Told];
    if (told.dropped > 200) return told;
  }
}

/** The exit itself: `close` would wait for the pipes, which are not read. */
async function endedBy(child: ChildProcess, signal: NodeJS.Signals): Promise<{ status: unknown; ms: number }> {
  const began = performance.now();
  const exit = once(child, 'exit');
  child.kill(signal);
  const [status] = (await exit) as [number | null];
  return { status, ms: performance.now() - began };
}

describe('a process whose output nobody reads', () => {
  it('keeps a bounded number of lines, counts the others, and ends on SIGTERM', async () => {
    const child = start();
    const told = await untilDropped(child);
    assert.ok(told.waiting <= 20_000, `${told.waiting} bytes wait`);
    const { status, ms } = await endedBy(child, 'SIGTERM');
    assert.equal(status, 0);
    assert.ok(ms < 10_000, `it took ${ms} ms`);
  });

  it('goes on when the reader has gone, and ends on SIGINT', async () => {
    const child = start();
    await once(child, 'message');
    child.stdout?.destroy();
    child.stderr?.destroy();
    await untilDropped(child);
    const { status, ms } = await endedBy(child, 'SIGINT');
    assert.equal(status, 0);
    assert.ok(ms < 10_000, `it took ${ms} ms`);
  });

  it('says how many lines were dropped once they are read again, and loses none of its last ones', async () => {
    const child = start();
    await untilDropped(child);
    child.send('quiet');
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stderr?.resume();
    await until(() => {
      child.send('again');
      return text.includes('were dropped') ? true : undefined;
    });
    child.kill('SIGTERM');
    await once(child, 'close');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; dropped?: number });
    assert.ok(lines.reduce((sum, { dropped = 0 }) => sum + dropped, 0) > 200);
    assert.deepEqual(lines.at(-1)?.msg, 'closing');
  });

  it('ends on SIGTERM when its terminal shows nothing more', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-terminal-'));
    const pidFile = join(folder, 'pid');
    // The terminal of `script` shows as much as is read of its own output, which is nothing.
    const terminal = spawn('script', ['-qec', `'${process.execPath}' '${PROGRAM}' '${pidFile}'`, '/dev/null'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const pid = await until(() => Number(readFileSync(pidFile, { encoding: 'utf8', flag: 'a+' })) || undefined);
      // Long enough to fill what lies between them.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      process.kill(pid, 'SIGTERM');
      await until(() => (startOf(pid) === undefined ? true : undefined));
    } finally {
      terminal.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });
});

async function until<T>(look: () => T | undefined): Promise<T> {
  for (const limit = performance.now() + 5_000; performance.now() < limit;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not come to that within 5 s');
}
