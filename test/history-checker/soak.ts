/**
 * Owns the long form of the history: `npm run soak -- --minutes 20 --seed 7`. With `--break fill-guard` (or another of
 * `breaks.ts`) it runs servers without that mechanism, under the trouble in which it matters, until that is found out.
 */
import { parseArgs } from 'node:util';
import { calibrate } from './calibrate.ts';
import { startPlace } from './place.ts';
import { reportOf, violationsOf } from './report.ts';
import { runHistory } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    break: { type: 'string' },
    clients: { type: 'string', default: '10' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const minutes = Number(values.minutes);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.break === undefined) {
  print(`SEED=${seed} MINUTES=${minutes}`);
  const report = await runHistory({
    seed,
    minutes,
    encoding: seed % 2 === 0 ? 'UTF8' : 'LATIN1',
    clients: Number(values.clients),
    onProgress: print,
  });
  print(reportOf(report));
  process.exitCode = report.findings.length > 0 ? 1 : 0;
} else {
  print(`SEED=${seed} MINUTES=${minutes} without ${values.break}`);
  await using place = await startPlace({ broken: values.break, encoding: 'LATIN1' });
  const { findings, sights, ms } = await calibrate(place, {
    mechanism: values.break,
    broken: true,
    seed,
    limitMs: minutes * 60_000,
  });
  print(
    [
      ...violationsOf(findings),
      `${findings.length} violations in ${sights} sights after ${(ms / 1_000).toFixed(1)} s`,
    ].join('\n'),
  );
  process.exitCode = findings.length > 0 ? 0 : 1;
}
