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
  /** Fields of documents that a rule has settled, by the rule: both sides had changed them. */
  readonly rules: ReadonlyMap<string, number>;
  readonly summary: string;
}

export async function judged(app: TestApp, options: RunOptions): Promise<Judged> {
  const run = await runEditors(app, options);
  const evidence = await gatherEvidence(app, run.targets);
  const count = (kind: string): number => run.told.filter(({ fate }) => fate.kind === kind).length;
  const records = evidence.flatMap(({ audit }) => audit);
  const audited = counted(records.map(({ outcome }) => outcome));
  const rules = counted(
    records
      .filter(({ outcome }) => outcome === 'MERGED')
      .flatMap(({ fields }) => fields.flatMap(({ rule }) => rule ?? [])),
  );
  const [done, refused] = [count('done'), count('refused')];
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([what, n]) => `${n} ${what}`).join(', ');
  const summary = `${done} edits done and ${refused} refused in ${(run.ms / 1_000).toFixed(1)} s; audit: ${list(audited)}; rules: ${list(rules)}; answers: ${list(run.counts)}`;
  return { run, findings: judge(run, evidence), done, refused, audited, rules, summary };
}

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}
