/** Owns what `@conflict` declares: an entity's policy, the rules of its fields, and where they are impossible. */
import { isEnumType, type ConstDirectiveNode } from 'graphql';
import { ruleFits } from '../conflict/rules.ts';
import { columnsOfField, type ConflictRule, type Conflicts } from '../model/model.ts';
import { didYouMean } from '../model/names.ts';
import { type Compilation, type Draft } from './context.ts';
import { directiveOf, textArgument } from './directives.ts';

/** Reads the `@conflict`s of every entity, once its fields are known. */
export function readConflicts(compilation: Compilation): void {
  for (const draft of compilation.drafts.values()) {
    const directive = directiveOf(draft.type, 'conflict');
    const declared = directive ? readEntity(compilation, draft, directive) : draft.conflict;
    draft.conflict = { ...declared, rules: readRules(compilation, draft, declared) };
  }
}

/** The enum value of an argument; GraphQL's rules for schemas do not check the values of directive arguments. */
function wordOf<W extends string>(
  { schema, problems }: Compilation,
  directive: ConstDirectiveNode,
  name: string,
): W | null {
  const word = textArgument(directive, name);
  const type = schema.getDirective('conflict')?.args.find((argument) => argument.name === name)?.type;
  if (word === null || !isEnumType(type) || type.getValue(word)) return word as W | null;
  const words = type.getValues().map((value) => value.name);
  problems.error(directive, `@conflict(${name}: ${word}) is no ${type.name}; use ${words.join(', ')}`);
  return null;
}

function readEntity(compilation: Compilation, draft: Draft, directive: ConstDirectiveNode): Conflicts {
  const { problems, handlers } = compilation;
  const name = draft.type.name;
  const policy = wordOf<Conflicts['policy']>(compilation, directive, 'policy') ?? 'REJECT';
  const handler = textArgument(directive, 'handler');
  const rule = wordOf<ConflictRule>(compilation, directive, 'rule');
  const conflicts: Conflicts = {
    policy,
    handler,
    rules: new Map(),
    rule: rule ?? 'REJECT',
    deleteChanged: wordOf<Conflicts['deleteChanged']>(compilation, directive, 'deleteChanged') ?? 'REJECT',
    updateDeleted: wordOf<Conflicts['updateDeleted']>(compilation, directive, 'updateDeleted') ?? 'REJECT',
    insertExisting: wordOf<Conflicts['insertExisting']>(compilation, directive, 'insertExisting') ?? 'REJECT',
  };
  const compares = policy !== 'REJECT' || conflicts.deleteChanged !== 'REJECT' || conflicts.updateDeleted !== 'REJECT';
  if (compares && draft.version === null)
    problems.error(
      directive,
      `${name} declares what becomes of writes from older versions, but has no version; name its column with @entity(version:)`,
    );
  if (rule !== null && policy !== 'MERGE')
    problems.error(
      directive,
      `${name} has a rule for fields, which only the policy MERGE follows; declare policy: MERGE, or remove the rule`,
    );
  if (policy === 'HANDLER' && handler === null)
    problems.error(
      directive,
      `${name} leaves conflicts to a handler, but does not name it; add handler: with the name of a function in the resolver module's conflicts`,
    );
  if (policy !== 'HANDLER' && handler !== null)
    problems.error(
      directive,
      `${name} names the handler "${handler}", which only the policy HANDLER calls; declare policy: HANDLER, or remove it`,
    );
  else if (handler !== null && handlers !== null && !handlers.has(handler))
    problems.error(
      directive,
      `${name} names the handler "${handler}", which the resolver module's conflicts do not have${didYouMean(handler, handlers)}`,
    );
  if (draft.table.kind === 'view')
    problems.error(
      directive,
      `${name} shows a view, whose conflicts cannot be decided; put @conflict on an entity of the table behind it`,
    );
  return conflicts;
}

function readRules(compilation: Compilation, draft: Draft, { policy }: Conflicts): ReadonlyMap<string, ConflictRule> {
  const rules = new Map<string, ConflictRule>();
  const fixed = new Set([...draft.primaryKey, ...(draft.version === null ? [] : [draft.version])]);
  for (const field of Object.values(draft.type.getFields())) {
    const directive = directiveOf(field, 'conflict');
    if (!directive) continue;
    const place = `${draft.type.name}.${field.name}`;
    const complain = (what: string): void => compilation.problems.error(directive, `${place} ${what}`);
    const other = directive.arguments?.find(({ name }) => name.value !== 'rule')?.name.value;
    const rule = wordOf<ConflictRule>(compilation, directive, 'rule');
    const mapped = draft.fields.get(field.name);
    const columns = mapped ? columnsOfField(mapped) : [];
    if (other !== undefined)
      complain(`says ${other}: of a conflict, which is for the whole entity to say; a field has a rule: only`);
    else if (rule === null) complain('says nothing of how its conflicts end; give it a rule:, or remove @conflict');
    else if (policy !== 'MERGE')
      complain(
        `has a rule for conflicts, which only the policy MERGE follows; declare @conflict(policy: MERGE) on ${draft.type.name}, or remove it`,
      );
    else if (columns.length === 0)
      complain('is no column of its own, so that no conflict can be about it; remove @conflict');
    for (const column of columns) {
      const type = draft.table.columns.get(column)?.type;
      if (rule !== null && type && !ruleFits(rule, type))
        complain(`has the rule ${rule}, which column "${column}" of type ${type.sql} cannot follow; use another one`);
      else if (rule !== null && fixed.has(column))
        complain(
          `has a rule for conflicts, but no update sets column "${column}", which is ${column === draft.version ? 'the version' : 'of the key'}; remove it`,
        );
      else if (rule !== null && draft.table.columns.get(column)?.readOnly)
        complain(`has a rule for conflicts, but column "${column}" is written by the database alone; remove it`);
      else if (rule !== null && (rules.get(column) ?? rule) !== rule)
        complain(
          `has the rule ${rule} for column "${column}", for which another field has ${rules.get(column) ?? ''}; keep one`,
        );
      else if (rule !== null && other === undefined && policy === 'MERGE') rules.set(column, rule);
    }
  }
  return rules;
}
