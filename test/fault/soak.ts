/** Owns the long form of the history: `npm run soak -- --minutes 20 --seed 7`; `--break fill-guard` runs it without a mechanism, to be caught. */
import { parseArgs } from 'node:util';
import { runHistory } from '../support/history/run.ts';
import { reportOf } from '../support/history/report.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, break: { type: 'string' }, clients: { type: 'string', default: '10' } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
print(`SEED=${seed} MINUTES=${values.minutes}${values.break === undefined ? '' : ` without ${values.break}`}`);
const report = await runHistory({ seed, minutes: Number(values.minutes), clients: Number(values.clients), broken: values.break ?? null, untilFound: values.break !== undefined, onProgress: print });
print(reportOf(report));
process.exitCode = report.findings.length > 0 ? 1 : 0;
