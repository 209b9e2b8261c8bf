/**
 * Owns every process of an embedded cluster: it starts them at the cluster's request, and when the cluster's own
 * process has ended in any way, it ends them and itself. It is their parent, so every process is known from its start.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { messageOf } from '../../base/errors.ts';
import { SHORT_STEP_MS, type Report, type Request, type SpawnSpec } from './protocol.ts';

const OUTPUT_CHARS = 16_384;

interface Kept {
  readonly child: ChildProcess;
  readonly spec: SpawnSpec;
  timers: NodeJS.Timeout[];
}

const kept = new Map<number, Kept>();
const discarded = process.argv.slice(2);
let leaving = false;

function report(message: Report): void {
  // If the cluster's process has ended, no report can be sent; 'disconnect' does the rest.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
}

function start(id: number, spec: SpawnSpec): void {
  let log: number | undefined;
  try {
    if (spec.log !== undefined) log = openSync(spec.log, 'a', 0o600);
    const out = log ?? 'pipe';
    const account = spec.account ? { uid: spec.account.uid, gid: spec.account.gid } : {};
    const child = spawn(spec.command, spec.args, {
      env: spec.env,
      cwd: spec.cwd,
      stdio: ['pipe', out, out],
      detached: true,
      ...account,
    });
    keep(id, child, spec);
  } catch (error) {
    report({ type: 'failed', id, code: codeOf(error), message: messageOf(error) });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function keep(id: number, child: ChildProcess, spec: SpawnSpec): void {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_CHARS)));
  // A process may end without reading its input; its exit is reported anyway.
  child.stdin?.on('error', () => undefined);
  if (spec.input !== undefined) child.stdin?.end(spec.input);
  child.once('error', (error) => {
    if (child.pid === undefined) report({ type: 'failed', id, code: codeOf(error), message: messageOf(error) });
  });
  if (child.pid === undefined) return;
  kept.set(id, { child, spec, timers: [] });
  report({ type: 'spawned', id, pid: child.pid });
  // Processes that the process started and left behind are ended with it.
  if (spec.group) child.once('exit', () => signalTo(child, spec, 'SIGKILL'));
  child.once('close', (code, signal) => {
    for (const timer of kept.get(id)?.timers ?? []) clearTimeout(timer);
    kept.delete(id);
    report({ type: 'exited', id, exit: { code, signal, output } });
    leaveIfEmpty();
  });
}

function signalTo(child: ChildProcess, spec: SpawnSpec, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(spec.group ? -child.pid : child.pid, signal);
  } catch (error) {
    // ESRCH: it has already ended.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

function stop(id: number, isShort = false): void {
  const entry = kept.get(id);
  if (!entry || (entry.timers.length > 0 && !isShort)) return;
  for (const timer of entry.timers) clearTimeout(timer);
  entry.timers = entry.spec.stop.map((step, i) =>
    setTimeout(() => signalTo(entry.child, entry.spec, step.signal), isShort ? i * SHORT_STEP_MS : step.afterMs),
  );
}

function leave(isShort: boolean): void {
  if (leaving) return;
  leaving = true;
  for (const id of kept.keys()) stop(id, isShort);
  leaveIfEmpty();
}

function leaveIfEmpty(): void {
  if (!leaving || kept.size > 0) return;
  for (const path of discarded) rmSync(path, { recursive: true, force: true });
  process.exit(0);
}

process.on('message', (message: Request) => {
  const entry = kept.get(message.id);
  if (message.type === 'spawn' && !leaving) start(message.id, message.spec);
  else if (message.type === 'stop') stop(message.id);
  else if (message.type === 'discard') discarded.push(message.path);
  else if (message.type === 'leave') leave(false);
  else if (message.type === 'kill' && entry) signalTo(entry.child, entry.spec, message.signal);
});
process.on('disconnect', () => leave(true));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => leave(true));
report({ type: 'ready' });
