/**
 * Runs the long form of the round trips: `npm run roundtrip -- --values 100000 --seed 7`. `--only numeric,jsonb`
 * restricts it to these column types.
 */
import { parseArgs } from 'node:util';
import { reportText } from '../support/roundtrip/report.ts';
import { runRoundTrips } from '../support/roundtrip/run.ts';

const { values } = parseArgs({
  options: {
    values: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    samples: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

print(`SEED=${seed} VALUES=${values.values}`);
const report = await runRoundTrips({
  seed,
  values: Number(values.values),
  samples: Number(values.samples),
  only: values.only.split(',').filter((name) => name !== ''),
  onProgress: print,
});
print(reportText(report));
process.exitCode = report.wrong + report.empty().length + report.uncached().length > 0 ? 1 : 0;
