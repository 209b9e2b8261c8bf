/**
 * Owns the judgement on a run: whether every acknowledged edit is in the row or in a declared resolution, and every
 * other one was refused to its author.
 */
import { chainFindings } from './chain.ts';
import { type EditorsRun } from './run.ts';
import { type Told } from './edits.ts';
import { type Evidence } from './evidence.ts';
import { totalFindings } from './totals.ts';

/**
 * `total`: final values are not what all acknowledged edits come to. `version`: versions and acknowledgements do not
 * match one to one. `effect`: a version is not what its edit and the version before it make. `refusal`: refused without
 * cause, or not wholly. `audit`: what is recorded is not what happened. `shown`: somebody was shown what never was.
 * `told`: answers that nobody may get, or none at all.
 */
export type FindingKind = 'total' | 'version' | 'effect' | 'refusal' | 'audit' | 'shown' | 'told';

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
}

export function judge(
  { told, complaints }: Pick<EditorsRun, 'told' | 'complaints'>,
  evidence: readonly Evidence[],
): readonly Finding[] {
  const byRow = Map.groupBy(told, ({ edit: { target } }) => `${target.kind} ${target.id}`);
  const unknown = told.flatMap(({ edit, fate }) =>
    fate.kind === 'unknown' ? [`nobody told ${edit.name} what became of it: ${fate.last}`] : [],
  );
  return [
    ...[...complaints, ...unknown].map((text): Finding => ({ kind: 'told', text })),
    ...evidence.flatMap((of) => {
      const own: readonly Told[] = byRow.get(`${of.target.kind} ${of.target.id}`) ?? [];
      return [...totalFindings(of, own), ...chainFindings(of, own)].map(({ kind, text }) => ({
        kind,
        text: `${of.target.kind} ${of.target.id}: ${text}`,
      }));
    }),
  ];
}

/** Few of each kind, for people. */
export function inWords(findings: readonly Finding[]): string {
  return [...Map.groupBy(findings, ({ kind }) => kind)]
    .map(
      ([kind, of]) =>
        `${of.length} × ${kind}\n${of
          .slice(0, 4)
          .map(({ text }) => `  ${text}`)
          .join('\n')}`,
    )
    .join('\n');
}
