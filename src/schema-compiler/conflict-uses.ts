/** Owns the parts of `@conflict` that no write can reach, or on which two types of one table disagree. */
import { type ASTNode } from 'graphql';
import { type WriteField } from '../model/model.ts';
import { tableName, type Compilation, type Draft } from './context.ts';
import { directiveOf } from './directives.ts';

/** Checks entities and mutations together, once both are read. */
export function checkConflicts(compilation: Compilation, mutations: ReadonlyMap<string, WriteField>): void {
  for (const draft of compilation.drafts.values()) {
    checkUsed(
      compilation,
      draft,
      [...mutations.values()].filter(({ target }) => target === draft.type.name),
    );
    checkPolicies(compilation, draft);
  }
  for (const [name, write] of mutations) checkMutation(compilation, name, write);
  checkVersions(compilation);
}

/** A declaration without effect looks as if it protected something. */
function checkUsed({ problems }: Compilation, { type, conflict }: Draft, writes: readonly WriteField[]): void {
  const directive = directiveOf(type, 'conflict');
  if (!directive) return;
  const asks = (kind: WriteField['kind']): boolean =>
    writes.some((write) => write.kind === kind && (kind === 'insert' || write.expectedVersion !== null));
  const idle = (argument: string, kind: WriteField['kind']): void => {
    const lacks = kind === 'insert' ? 'the schema has no @insert of it' : `no @${kind} of it asks for expectedVersion`;
    problems.warn(
      directive,
      `${type.name} declares ${argument}, but can never come to it, since ${lacks}; ${kind === 'insert' ? 'add one' : 'add the argument to one'}, or remove the declaration`,
    );
  };
  if (conflict.policy !== 'REJECT' && !asks('update')) idle(`policy: ${conflict.policy}`, 'update');
  if (conflict.updateDeleted !== 'REJECT' && !asks('update'))
    idle(`updateDeleted: ${conflict.updateDeleted}`, 'update');
  if (conflict.deleteChanged !== 'REJECT' && !asks('delete'))
    idle(`deleteChanged: ${conflict.deleteChanged}`, 'delete');
  if (conflict.insertExisting !== 'REJECT' && !asks('insert'))
    idle(`insertExisting: ${conflict.insertExisting}`, 'insert');
}

/** Row-level security policies apply to existing rows; whether a removed row was visible is unknown. */
function checkPolicies(compilation: Compilation, { type, table, conflict }: Draft): void {
  if (conflict.updateDeleted !== 'RESTORE' || table.policies === null) return;
  compilation.problems.warn(
    directiveOf(type, 'conflict'),
    `${type.name} brings deleted rows back (updateDeleted: RESTORE), but table ${tableName(compilation, table)} has row-level security, which cannot be asked about a row that is gone: whoever it holds for is refused with VERSION_UNKNOWN; remove it, or keep viewers apart by @tenant`,
  );
}

function checkMutation(
  { schema, drafts, problems }: Compilation,
  name: string,
  { kind, target, keyArguments, expectedVersion }: WriteField,
): void {
  const draft = drafts.get(target);
  if (!draft || kind !== 'update') return;
  const at: ASTNode | null | undefined = schema.getMutationType()?.getFields()[name]?.astNode;
  const named = [...keyArguments.values()];
  const lacks = draft.primaryKey.filter((column) => !named.includes(column));
  if (draft.conflict.updateDeleted === 'RESTORE' && expectedVersion !== null && lacks.length > 0) {
    problems.warn(
      at,
      `Mutation.${name} names its ${target} by ${named.join(', ')}, under which a deleted row is not found again, so that RESTORE brings none back there; name it by its primary key (${draft.primaryKey.join(', ')})`,
    );
  }
  const counting =
    draft.version === null
      ? [...drafts.values()].find(({ table, version }) => table === draft.table && version !== null)
      : undefined;
  if (counting)
    problems.warn(
      at,
      `Mutation.${name} changes rows of ${counting.type.name} without counting their version, so that nobody who writes a ${counting.type.name} learns of it; give ${target} @entity(version: "${counting.version ?? ''}"), too`,
    );
}

/** A table has one history for each row, which its triggers write. */
function checkVersions(compilation: Compilation): void {
  const counting = [...compilation.drafts.values()].filter(({ version }) => version !== null);
  for (const [i, draft] of counting.entries()) {
    const other = counting.slice(0, i).find(({ table, version }) => table === draft.table && version !== draft.version);
    if (other)
      compilation.problems.error(
        directiveOf(draft.type, 'entity'),
        `${draft.type.name} counts its version in column "${draft.version ?? ''}", and ${other.type.name}, which shows the same table ${tableName(compilation, draft.table)}, in "${other.version ?? ''}"; use one of them`,
      );
  }
}
