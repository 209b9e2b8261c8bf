/** Owns the proof that signals end a real process the way they should. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../support/closing-process.ts', import.meta.url));

interface Closing {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<[number | null, string | null]>;
}

async function start(closingMs = 0): Promise<Closing> {
  const child = fork(PROGRAM, [String(closingMs)], { execArgv: [] });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const [url] = (await once(child, 'message')) as [string];
  return { child, url, ended };
}

const ask = (url: string, query: string): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) });

describe('a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} lets the request in flight finish, then ends the process with 0`, async () => {
      const { child, url, ended } = await start();
      const asked = once(child, 'message');
      const inFlight = ask(url, '{ slow }');
      await asked;
      child.kill(signal);
      await pause(100);
      child.send('release');
      const response = await inFlight;
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), { data: { slow: 'done' } });
      assert.deepEqual(await ended, [0, null]);
    });
  }

  it('sent twice ends the process at once', async () => {
    const { child, ended } = await start(60_000);
    child.kill('SIGTERM');
    await pause(100);
    const startedMs = performance.now();
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [130, null]);
    assert.ok(performance.now() - startedMs < 20_000);
  });

  it('ends the process even if closing hangs', async () => {
    const { child, ended } = await start(60_000);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [1, null]);
  });
});
