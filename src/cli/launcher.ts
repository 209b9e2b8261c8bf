/** Owns watching the process that started a command: when `npm start` itself is killed, the command gets no signal. */
import { commandOf, parentOf, startOf } from '../dev/process.ts';

const LOOK_MS = 500;

/** The processes between npm and this one: npm, and the shell that npm runs scripts in, if there is one. */
function launchers(): number[] {
  const parent = process.ppid;
  const isShell = /^(\/\S*\/)?(ba|da|z|k)?sh -c /.test(commandOf(parent) ?? '');
  const grandparent = isShell ? parentOf(parent) : undefined;
  return grandparent === undefined ? [parent] : [parent, grandparent];
}

/** Calls `onGone` once npm, or the shell that it uses, has ended. Does nothing if npm did not start this process. */
export function watchLauncher(onGone: () => void): () => void {
  if (process.env['npm_lifecycle_event'] === undefined) return () => undefined;
  const watched = launchers().map((pid) => ({ pid, started: startOf(pid) }));
  const timer = setInterval(() => {
    if (watched.every(({ pid, started }) => startOf(pid) === started)) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
