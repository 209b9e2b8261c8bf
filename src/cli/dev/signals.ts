/** Owns how a development cluster is told to end: by a signal, or because what started it is gone. */
import { watchLauncher } from '../launcher.ts';

const EXIT_BY_SECOND_SIGNAL = 130;

/** The first signal stops in order; a second one leaves at once, and the supervisor ends what is left. */
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
