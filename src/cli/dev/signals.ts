/** Owns how a development cluster is stopped: by a signal, or because the process that started it has ended. */
import { watchLauncher } from '../launcher.ts';

const EXIT_BY_SECOND_SIGNAL = 130;

/** The first signal stops in order; a second one exits at once, and the supervisor ends what is left. */
export function stopOnSignals(stopping: AbortController, say: (sentence: string) => void): () => void {
  const onSignal = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT_BY_SECOND_SIGNAL);
    say('stopping');
    stopping.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const unwatch = watchLauncher(onSignal);
  return () => {
    unwatch();
    for (const signal of signals) process.off(signal, onSignal);
  };
}
