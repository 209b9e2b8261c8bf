/** Owns the fields of `Mutation`: inserts, updates and deletes, and their payloads. */
import {
  isInputObjectType,
  isObjectType,
  type ConstDirectiveNode,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLObjectType,
} from 'graphql';
import { type WriteField } from '../model/model.ts';
import { didYouMean } from '../model/names.ts';
import { hasResolver, requireColumn, tableName, type Compilation, type Draft } from './context.ts';
import { directiveOf, shapeOf, textArgument } from './directives.ts';
import { durabilityOf } from './durability.ts';
import { isUnique, keysOf, readKeyArguments } from './roots.ts';
import { readPayload } from './payloads.ts';
import { tenantReferences } from './tenants.ts';
import { type AnyField } from './selections.ts';
import { misfit } from './types.ts';

const KINDS = ['insert', 'update', 'delete'] as const;
type Kind = (typeof KINDS)[number];

/** The argument, or field of the input, that gives the version which a writer saw. */
const EXPECTED_VERSION = 'expectedVersion';

interface Site {
  readonly kind: Kind;
  readonly directive: ConstDirectiveNode;
  readonly field: AnyField;
  readonly place: string;
  readonly target: Draft;
}

export function readMutations(compilation: Compilation): Map<string, WriteField> {
  const mutations = new Map<string, WriteField>();
  const type = compilation.schema.getMutationType();
  for (const field of Object.values(type?.getFields() ?? {})) {
    if (!type || hasResolver(compilation, type.name, field.name)) continue;
    const write = readMutation(compilation, field, `${type.name}.${field.name}`);
    if (write) mutations.set(field.name, write);
  }
  return mutations;
}

function readMutation(compilation: Compilation, field: AnyField, place: string): WriteField | null {
  const { problems } = compilation;
  const found = KINDS.flatMap((kind) => {
    const directive = directiveOf(field, kind);
    return directive ? [{ kind, directive }] : [];
  });
  const [first] = found;
  if (!first) {
    problems.error(
      field.astNode,
      `${place} has nothing behind it; add @insert, @update or @delete, or write a resolver`,
    );
    return null;
  }
  if (found.length > 1) {
    problems.error(field.astNode, `${place} carries ${found.map(({ kind }) => `@${kind}`).join(' and ')}; keep one`);
    return null;
  }
  const payload = shapeOf(field.type);
  if (!isObjectType(payload.named) || payload.lists > 0 || compilation.drafts.has(payload.named.name)) {
    problems.error(
      field.astNode,
      `${place} must return a payload type, with a field for the entity and \`token: ConsistencyToken!\`, not ${String(field.type)}`,
    );
    return null;
  }
  const target = targetOf({ compilation, field, place, directive: first.directive, payload: payload.named });
  if (!target) return null;
  const site: Site = { ...first, field, place, target };
  const shown = readPayload(compilation, site, payload.named);
  const inputs = field.args.filter((argument) => isInputObjectType(shapeOf(argument.type).named));
  if (!checkInputs(compilation, site, inputs)) return null;
  const seen = readExpectedVersion(compilation, site, inputs);
  const plain = field.args.filter((argument) => !inputs.includes(argument) && argument.name !== EXPECTED_VERSION);
  const keys =
    first.kind === 'insert'
      ? []
      : inputs.length > 0 || first.kind === 'delete'
        ? plain
        : keyArguments(target, plain, compilation);
  const keyArgumentsRead = first.kind === 'insert' ? new Map<string, string>() : readKey(compilation, site, keys);
  const elements = (inputs[0] ? inputFields(inputs[0]) : plain.filter((argument) => !keys.includes(argument))).filter(
    ({ name }) => name !== EXPECTED_VERSION,
  );
  const values = readValues({ compilation, site, elements, keys: keyArgumentsRead });
  if (!keyArgumentsRead || !shown) return null;
  return {
    kind: first.kind,
    target: target.type.name,
    keyArguments: keyArgumentsRead,
    inputArgument: inputs[0]?.name ?? null,
    values,
    references: first.kind === 'delete' ? [] : tenantReferences(compilation, target),
    expectedVersion: seen === null ? null : field.args.includes(seen) ? 'argument' : 'input',
    idempotent: directiveOf(field, 'idempotent') !== null,
    durability: durabilityOf(field),
    payload: shown,
  };
}

interface TargetOfInput {
  readonly compilation: Compilation;
  readonly field: AnyField;
  readonly place: string;
  readonly directive: ConstDirectiveNode;
  readonly payload: GraphQLObjectType;
}

/** The entity that the directive names, otherwise the only one in the payload. */
function targetOf({ compilation, field, place, directive, payload }: TargetOfInput): Draft | null {
  const { drafts, problems } = compilation;
  const named = textArgument(directive, 'entity');
  const shown = Object.values(payload.getFields()).map((candidate) => shapeOf(candidate.type).named.name);
  if (named !== null) {
    const target = drafts.get(named);
    const type = compilation.schema.getType(named);
    if (!target && !(isObjectType(type) && directiveOf(type, 'entity')))
      problems.error(directive, `${place} writes "${named}", which is no @entity${didYouMean(named, drafts.keys())}`);
    return target ?? null;
  }
  const candidates = [...new Set(shown)].map((name) => drafts.get(name)).filter((draft) => draft !== undefined);
  if (candidates.length === 1) return candidates[0] ?? null;
  const broken = shown.some((name) => {
    const type = compilation.schema.getType(name);
    return isObjectType(type) && directiveOf(type, 'entity') && !drafts.has(name);
  });
  if (!broken) {
    const names = candidates.map((draft) => draft.type.name).join(' and ');
    problems.error(
      field.astNode,
      `${place} does not say what it writes: ${payload.name} shows ${names === '' ? 'no entity' : names}; name it with @${directive.name.value}(entity:)`,
    );
  }
  return null;
}

/** What gives the version that the writer saw; its errors are reported here. */
function readExpectedVersion(
  compilation: Compilation,
  { kind, place, field, target }: Site,
  inputs: readonly GraphQLArgument[],
): GraphQLArgument | GraphQLInputField | null {
  const found = [...field.args, ...inputs.flatMap(inputFields)].filter(({ name }) => name === EXPECTED_VERSION);
  const [first, second] = found;
  if (!first) return null;
  const { problems } = compilation;
  const column = target.version === null ? undefined : target.table.columns.get(target.version);
  const wrong = column && misfit({ column, shape: shapeOf(first.type), direction: 'input' });
  if (second) problems.error(second.astNode, `${place} asks for ${EXPECTED_VERSION} twice; keep one`);
  else if (kind === 'insert')
    problems.error(first.astNode, `${place} asks for ${EXPECTED_VERSION}, but a new row has had no version; remove it`);
  else if (!column)
    problems.error(
      first.astNode,
      `${place} asks for ${EXPECTED_VERSION}, but ${target.type.name} counts no versions; name its column with @entity(version:)`,
    );
  else if (wrong !== undefined && wrong !== null)
    problems.error(first.astNode, `${place} asks for ${EXPECTED_VERSION}: ${wrong}`);
  return first;
}

function checkInputs(
  compilation: Compilation,
  { kind, place, field }: Site,
  inputs: readonly GraphQLArgument[],
): boolean {
  const { problems } = compilation;
  const first = inputs[0];
  if (kind === 'delete' && first)
    problems.error(
      first.astNode,
      `${place}(${first.name}:) has no meaning on a delete; name the row with plain arguments`,
    );
  else if (inputs.length > 1) problems.error(field.astNode, `${place} takes ${inputs.length} input objects; keep one`);
  else if (first && shapeOf(first.type).lists > 0)
    problems.error(
      first.astNode,
      `${place}(${first.name}:) is a list; write one row with each field, or write a resolver`,
    );
  else if (first && !shapeOf(first.type).nonNull)
    problems.error(first.astNode, `${place}(${first.name}:) may be left out; declare it ${String(first.type)}!`);
  else return true;
  return false;
}

/** For an update without an input object: the arguments that form a unique key, preferably the primary key. */
function keyArguments(
  target: Draft,
  args: readonly GraphQLArgument[],
  compilation: Compilation,
): readonly GraphQLArgument[] {
  const required = args.filter((argument) => shapeOf(argument.type).nonNull);
  const columns = new Map(
    required.map((argument) => [
      argument,
      requireColumn({ compilation, draft: target, element: argument, place: argument.name })?.name,
    ]),
  );
  for (const key of [target.primaryKey, ...target.table.uniqueKeys]) {
    const chosen = required.filter((argument) => key.includes(columns.get(argument) ?? ''));
    if (chosen.length === key.length) return chosen;
  }
  return required;
}

function readKey(
  compilation: Compilation,
  { kind, place, field, target }: Site,
  args: readonly GraphQLArgument[],
): ReadonlyMap<string, string> | null {
  const columns = readKeyArguments({ compilation, field: { args }, place, target });
  if (!columns) return null;
  const names = [...columns.values()];
  if (isUnique(target, names)) return columns;
  const by =
    names.length === 0
      ? 'takes no argument that names the row'
      : `names its row by ${names.join(', ')}, which is not unique in table ${tableName(compilation, target.table)}`;
  compilation.problems.error(
    field.astNode,
    `${place} ${kind === 'update' ? 'changes' : 'removes'} one ${target.type.name} but ${by}; ${keysOf(target)}`,
  );
  return null;
}

function inputFields(argument: GraphQLArgument): readonly GraphQLInputField[] {
  const { named } = shapeOf(argument.type);
  return isInputObjectType(named) ? Object.values(named.getFields()) : [];
}

interface ReadValuesInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly elements: readonly (GraphQLArgument | GraphQLInputField)[];
  readonly keys: ReadonlyMap<string, string> | null;
}

function readValues({ compilation, site, elements, keys }: ReadValuesInput): ReadonlyMap<string, string> {
  const { problems } = compilation;
  const { kind, field, place, target } = site;
  const values = new Map<string, string>();
  const given = new Set<string>();
  for (const element of elements) {
    const input = field.args.find((argument) => inputFields(argument).includes(element));
    const spot = input ? `${shapeOf(input.type).named.name}.${element.name}` : `${place}(${element.name}:)`;
    const column = requireColumn({ compilation, draft: target, element, place: spot });
    if (!column) continue;
    const shape = shapeOf(element.type);
    const wrong =
      misfit({ column, shape, direction: 'input' }) ??
      (column.readOnly ? `column "${column.name}" is written by the database alone; remove the field` : null);
    if (wrong !== null) problems.error(element.astNode, `${spot}: ${wrong}`);
    else if (column.name === target.version)
      problems.error(
        element.astNode,
        `${spot}: column "${column.name}" is the version, which Meridian counts; remove the field`,
      );
    else if (keys && [...keys.values()].includes(column.name))
      problems.error(
        element.astNode,
        `${spot} sets column "${column.name}", by which ${place} names its row; remove one of the two`,
      );
    else if ([...values.values()].includes(column.name))
      problems.error(element.astNode, `${spot} sets column "${column.name}" a second time; remove one of the two`);
    else values.set(element.name, column.name);
    if (kind === 'insert' && shape.nonNull && column.hasDefault && problems.isMade(element.astNode))
      problems.note(
        element.astNode,
        `${spot} must be given, although column "${column.name}" has a default; say @default on the field of ${target.type.name} that shows it, and clients may leave it out`,
      );
    if (shape.nonNull || element.defaultValue != null) given.add(column.name);
  }
  if (kind === 'insert') checkComplete({ compilation, site, given, possible: new Set(values.values()) });
  if (kind === 'update' && elements.length === 0)
    problems.error(field.astNode, `${place} changes nothing; give it an input object with the fields to change`);
  return values;
}

interface CheckCompleteInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly given: ReadonlySet<string>;
  readonly possible: ReadonlySet<string>;
}

/** An insert that may leave out a required column fails for some clients: this is reported now. */
function checkComplete({ compilation, site: { place, field, target }, given, possible }: CheckCompleteInput): void {
  if (target.table.fillsOnInsert) return;
  for (const column of target.table.columns.values()) {
    // Meridian itself sets a new row's first version and the viewer's tenant.
    if (
      column.nullable ||
      column.hasDefault ||
      given.has(column.name) ||
      column.name === target.version ||
      column.name === target.tenant
    )
      continue;
    const how = possible.has(column.name) ? 'may leave out' : 'leaves out';
    const fix = possible.has(column.name)
      ? 'make the input field non-null, or give the column a default'
      : 'add an input field for it, or give the column a default';
    compilation.problems.error(
      field.astNode,
      `${place} ${how} column "${column.name}", which is NOT NULL without a default in table ${tableName(compilation, target.table)}; ${fix}`,
    );
  }
}
