/** Owns types of other subgraphs: only their keys are known here, and the fields that follow from the keys. */
import { isObjectType, type ConstDirectiveNode } from 'graphql';
import { coversUniqueKey } from '../model/catalog.ts';
import { type Join, type Stub } from '../model/model.ts';
import { snakeCase } from '../model/names.ts';
import { whyNoKey } from './comparing.ts';
import { checkConnection, connectionTarget } from './connections.ts';
import {
  externalFields,
  hasResolver,
  isExternal,
  isOfKey,
  requireColumns,
  tableName,
  type Compilation,
  type Draft,
  type StubDraft,
} from './context.ts';
import {
  directiveOf,
  directivesOf,
  isResolvable,
  relationArguments,
  shapeOf,
  textArgument,
  type RelationArguments,
} from './directives.ts';
import { fieldAt, pathText, requireFieldSet, type FieldPath } from './field-sets.ts';
import { spotOf } from './problems.ts';
import { missing } from './nulls.ts';
import { unheeded } from './readings.ts';
import { warnWithoutIndex } from './relations.ts';
import { countTarget, readConnection, readCount, readList, type AnyField } from './selections.ts';
import { misfit } from './types.ts';

/** Finds every object with a `@key` and no `@entity`. */
export function findStubs(compilation: Compilation): void {
  const { schema, problems, federation } = compilation;
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || directiveOf(type, 'entity')) continue;
    const keys = directivesOf(type, federation.localName('key')).map((node) => {
      const paths = requireFieldSet({
        problems,
        type,
        directive: node,
        place: `@key(fields: "${textArgument(node, 'fields') ?? ''}") of ${type.name}`,
      });
      return paths && { paths, isResolvable: isResolvable(node), node };
    });
    if (keys.length > 0)
      compilation.stubs.set(type.name, {
        type,
        keys: keys.filter((key) => key !== null),
        fields: new Map(),
        plain: new Set(),
        resolvesItself: hasResolver(compilation, type.name, '__resolveReference'),
      });
  }
}

/**
 * Reads the fields of every such type. Key fields and external fields come from the client; fields with a resolver are
 * skipped.
 */
export function readStubs(compilation: Compilation): void {
  for (const stub of compilation.stubs.values()) {
    for (const field of Object.values(stub.type.getFields())) readStubField(compilation, stub, field);
  }
}

function readStubField(compilation: Compilation, stub: StubDraft, field: AnyField): void {
  const { problems, drafts } = compilation;
  const place = `${stub.type.name}.${field.name}`;
  if (hasResolver(compilation, stub.type.name, field.name)) return;
  if (isExternal(compilation, stub.type, field) || isOfKey(compilation, stub.type, field.name)) {
    stub.plain.add(field.name);
    return;
  }
  const shape = shapeOf(field.type);
  const count = directiveOf(field, 'count');
  const relation = relationArguments(count ?? directiveOf(field, 'relation'));
  const target = count
    ? countTarget(compilation, textArgument(count, 'of') ?? '', { field, place })
    : (drafts.get(shape.named.name) ?? connectionTarget(compilation, shape.named));
  if (!target) {
    if (!count && isGivenWhole(stub)) stub.plain.add(field.name);
    else if (!count) {
      problems.error(
        field.astNode,
        `${place} has nothing behind it, since another subgraph owns ${stub.type.name}; mark it @external, return rows of this subgraph, or write a resolver for it${stub.resolvesItself ? '' : `, or map ${stub.type.name} with @entity`}`,
      );
    }
    return;
  }
  const toOne = !count && shape.lists === 0 && target.type === shape.named;
  const join = stubJoin(compilation, {
    stub,
    target,
    field,
    place,
    relation,
    toOne,
    directive: count ? '@count' : '@relation',
  });
  if (!join) return;
  if (!stub.keys.some((key) => key.isResolvable) && !stub.resolvesItself) {
    problems.error(
      field.astNode,
      `${place} cannot be asked for, since no @key of ${stub.type.name} is resolvable; remove resolvable: false from the key that carries ${join.from.join(', ')}`,
    );
    return;
  }
  const selection = { target, join, field, place, relation };
  if (toOne) readToOne(compilation, selection, stub);
  else if (count) stub.fields.set(field.name, readCount(compilation, selection));
  else if (shape.lists > 0) stub.fields.set(field.name, readList(compilation, selection));
  else {
    if (isObjectType(shape.named)) checkConnection(compilation, shape.named, target);
    stub.fields.set(field.name, readConnection(compilation, selection));
  }
}

/** A type that no gateway looks up by key, and that a resolver creates, gets its plain fields from that resolver. */
function isGivenWhole(stub: StubDraft): boolean {
  return stub.resolvesItself || stub.keys.every((key) => !key.isResolvable);
}

interface StubRelation {
  readonly stub: StubDraft;
  readonly target: Draft;
  readonly field: AnyField;
  readonly place: string;
  readonly relation: RelationArguments | null;
  readonly toOne: boolean;
  readonly directive: string;
}

function readToOne(
  { problems }: Compilation,
  {
    target,
    join,
    field,
    place,
    relation,
  }: { target: Draft; join: Join; field: AnyField; place: string; relation: RelationArguments | null },
  stub: StubDraft,
): void {
  if (field.args.length > 0)
    problems.error(
      field.astNode,
      `${place} takes arguments, which a relation to one entity has no use for; remove them or write a resolver`,
    );
  if (relation && (relation.where !== null || relation.orderBy !== null || relation.limit !== null)) {
    problems.error(
      relation.node,
      `${place} leads to one ${target.type.name}, so where, orderBy and limit have no meaning there; remove them`,
    );
  }
  stub.fields.set(field.name, { kind: 'toOne', target: target.type.name, join });
  if (shapeOf(field.type).nonNull) problems.warn(field.astNode, missing(place, target.type.name));
}

/**
 * From key fields, named by their paths, to columns: as the directive says, otherwise columns called `<type>_<key
 * field>`.
 */
function stubJoin(compilation: Compilation, request: StubRelation): Join | null {
  const { stub, target, field, place, relation, toOne, directive } = request;
  const node = relation?.node ?? field.astNode;
  const from = relation?.from?.map((path) => path.split('.')) ?? stub.keys[0]?.paths;
  if (!from) return null;
  const byName = from.map((path) => snakeCase([stub.type.name, ...path].join('_')));
  const named = relation?.to ?? (toOne && relation?.from ? target.primaryKey : byName);
  if (relation?.to == null && named === byName && byName.some((column) => !target.table.columns.has(column))) {
    compilation.problems.error(
      node,
      `${place} follows ${from.map(pathText).join(', ')} to no column: ${target.table.kind} ${tableName(compilation, target.table)} has no ${byName.map((column) => `"${column}"`).join(', ')}; name the columns with ${directive}(to: [...])`,
    );
    return null;
  }
  const passed = relation?.to == null && named === byName ? passedOver(request, byName) : [];
  if (passed.length > 0) {
    const choices = [byName, ...passed.map((column) => [column])].map(
      (columns) => `${directive}(to: [${columns.map((column) => JSON.stringify(column)).join(', ')}])`,
    );
    compilation.problems.error(
      node,
      `${place} could follow ${from.map(pathText).join(', ')} to column ${byName.join(', ')} or ${passed.join(' or ')} of ${tableName(compilation, target.table)}; choose one: ${choices.join(' or ')}`,
    );
    return null;
  }
  const to = node && requireColumns({ compilation, draft: target, names: named, node, place });
  if (!to || !areSound({ compilation, request, from, to })) return null;
  if (toOne && target.table.kind === 'table' && !coversUniqueKey(target.table, to)) {
    compilation.problems.error(
      node,
      `${place} may match several rows: table ${tableName(compilation, target.table)} has no unique key over ${to.join(', ')}; add one, or return a list`,
    );
    return null;
  }
  const join = { from: from.map(pathText), to };
  if (!toOne) warnWithoutIndex(compilation, { to: target, place, node }, join);
  return join;
}

/**
 * Columns that the field's name matches better than the type's: `createdTasks` means `creator_id` and not `user_id`.
 */
function passedOver({ target, field }: StubRelation, byName: readonly string[]): readonly string[] {
  const types = byName.map((column) => target.table.columns.get(column)?.type);
  const fits = (column: string): boolean =>
    types.some((type) => type !== undefined && type.sql === target.table.columns.get(column)?.type.sql);
  return unheeded({ to: target, field: field.name }, byName, fits);
}

interface AreSoundInput {
  readonly compilation: Compilation;
  readonly request: StubRelation;
  readonly from: readonly FieldPath[];
  readonly to: readonly string[];
}

function areSound({
  compilation,
  request: { stub, target, field, place, relation },
  from,
  to,
}: AreSoundInput): boolean {
  const { problems } = compilation;
  const node = relation?.node ?? field.astNode;
  if (from.length !== to.length) {
    problems.error(
      node,
      `${place} joins ${from.length} fields (${from.map(pathText).join(', ')}) with ${to.length} columns (${to.join(', ')}); name as many on either side`,
    );
    return false;
  }
  const required = directivesOf(field, compilation.federation.localName('requires'))
    .flatMap(
      (directive) => requireFieldSet({ problems, type: stub.type, directive, place: `@requires of ${place}` }) ?? [],
    )
    .map(pathText);
  for (const [i, path] of from.entries()) {
    const found = fieldAt(stub.type, path);
    const column = target.table.columns.get(to[i] ?? '');
    const lacking =
      stub.resolvesItself || required.includes(pathText(path))
        ? undefined
        : stub.keys.find(
            ({ paths, isResolvable: asked }) => asked && !paths.some((other) => pathText(other) === pathText(path)),
          );
    const wrong =
      found && column ? (misfit({ column, shape: shapeOf(found.type), direction: 'input' }) ?? whyNoKey(column)) : null;
    if (!found)
      problems.error(
        node,
        `${place} follows "${pathText(path)}", which is no field of ${stub.type.name}; name key fields in from`,
      );
    else if (lacking)
      problems.error(
        node,
        `${place} follows ${pathText(path)}, which ${keyText(lacking.node)} does not carry; add it to that key, mark that key resolvable: false, or ask for it with @requires(fields: "${pathText(path)}")`,
      );
    else if (wrong !== null) problems.error(node, `${place} follows ${stub.type.name}.${pathText(path)}: ${wrong}`);
    else continue;
    return false;
  }
  return true;
}

function keyText(node: ConstDirectiveNode): string {
  return `@key(fields: "${textArgument(node, 'fields') ?? ''}")`;
}

export function finishStub(compilation: Compilation, { type, keys, fields, resolvesItself }: StubDraft): Stub {
  return {
    name: type.name,
    keys: resolvesItself ? [] : keys.filter((key) => key.isResolvable).map(({ paths }) => paths.map(pathText)),
    fields,
    external: externalFields(compilation, type),
    spot: spotOf(type.astNode),
  };
}
