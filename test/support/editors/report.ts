/** Owns a run and its judgement, and what is said of both. */
import { type TestApp } from '../app.ts';
import { gatherEvidence } from './evidence.ts';
import { judge, type Finding } from './judge.ts';
import { runEditors, type EditorsRun, type RunOptions } from './run.ts';

export interface Judged {
  readonly run: EditorsRun;
  readonly findings: readonly Finding[];
  readonly done: number;
  readonly refused: number;
  /** Resolutions and refusals that the audit tells of, by what came of them. */
  readonly audited: ReadonlyMap<string, number>;
  readonly summary: string;
}

export async function judged(app: TestApp, options: RunOptions): Promise<Judged> {
  const run = await runEditors(app, options);
  const evidence = await gatherEvidence(app, run.targets);
  const count = (kind: string): number => run.told.filter(({ fate }) => fate.kind === kind).length;
  const audited = new Map([...Map.groupBy(evidence.flatMap(({ audit }) => audit), ({ outcome }) => outcome)].map(([outcome, records]) => [outcome, records.length]));
  const [done, refused] = [count('done'), count('refused')];
  const list = (counts: ReadonlyMap<string, number>): string => [...counts].map(([what, n]) => `${n} ${what}`).join(', ');
  const summary = `${done} edits done and ${refused} refused in ${(run.ms / 1_000).toFixed(1)} s; audit: ${list(audited)}; answers: ${list(run.counts)}`;
  return { run, findings: judge(run, evidence), done, refused, audited, summary };
}
