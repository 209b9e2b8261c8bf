/** Owns the fields of `Query` and `Subscription`: lookups, lists, connections, counts and namespaces. */
import { isObjectType, type GraphQLObjectType } from 'graphql';
import { type LookupRoot, type RootField } from '../model/model.ts';
import { checkConnection, connectionTarget } from './connections.ts';
import { whyNoKey } from './comparing.ts';
import { hasResolver, requireColumn, tableName, type Compilation, type Draft } from './context.ts';
import { directiveOf, relationArguments, shapeOf, textArgument } from './directives.ts';
import { countTarget, readConnection, readCount, readList, ROOT_JOIN, type AnyField } from './selections.ts';
import { misfit } from './types.ts';

export function readQueries(compilation: Compilation): Map<string, RootField> {
  const queries = new Map<string, RootField>();
  const type = compilation.schema.getQueryType();
  // Meridian resolves these itself.
  const builtIn = Object.values(compilation.adminFields);
  for (const field of Object.values(type?.getFields() ?? {})) {
    if (!type || hasResolver(compilation, type.name, field.name) || builtIn.includes(field.name)) continue;
    const root = readRoot(compilation, field, `${type.name}.${field.name}`);
    if (root) queries.set(field.name, root);
  }
  return queries;
}

/** Live fields: the same as fields of `Query`, answered again whenever the rows that they show have changed. */
export function readSubscriptions(compilation: Compilation): Map<string, RootField> {
  const live = new Map<string, RootField>();
  const type = compilation.schema.getSubscriptionType();
  for (const field of Object.values(type?.getFields() ?? {})) {
    const place = `${type?.name}.${field.name}`;
    if (!directiveOf(field, 'live')) {
      compilation.problems.error(
        field.astNode,
        `${place} has nothing that says when it sends a message; add @live, so that it sends one whenever what it shows has changed`,
      );
      continue;
    }
    if (type && hasResolver(compilation, type.name, field.name)) continue;
    const root = readRoot(compilation, field, place);
    if (root) live.set(field.name, root);
  }
  return live;
}

function readRoot(compilation: Compilation, field: AnyField, place: string): RootField | null {
  const { drafts, problems } = compilation;
  const shape = shapeOf(field.type);
  const relation = relationArguments(directiveOf(field, 'list'));
  const count = directiveOf(field, 'count');
  if (count) {
    const target = countTarget(compilation, textArgument(count, 'of') ?? '', { field, place });
    return (
      target && readCount(compilation, { target, join: ROOT_JOIN, field, place, relation: relationArguments(count) })
    );
  }
  const entity = drafts.get(shape.named.name);
  if (entity && shape.lists === 0) return readLookup({ compilation, field, place, target: entity });
  if (entity) return readList(compilation, { target: entity, join: ROOT_JOIN, field, place, relation });
  const paged = connectionTarget(compilation, shape.named);
  if (paged && isObjectType(shape.named) && shape.lists === 0) {
    checkConnection(compilation, shape.named, paged);
    return readConnection(compilation, { target: paged, join: ROOT_JOIN, field, place, relation });
  }
  if (isObjectType(shape.named) && shape.lists === 0 && isNamespace(compilation, shape.named))
    return { kind: 'object' };
  if (!isReported(compilation, shape.named.name)) {
    problems.error(
      field.astNode,
      `${place} returns ${shape.named.name}, which no table stands behind; return an @entity, a list or connection of one, or a number with @count, or write a resolver`,
    );
  }
  return null;
}

/** An object that only groups fields: all of them have resolvers. */
function isNamespace(compilation: Compilation, type: GraphQLObjectType): boolean {
  return (
    !directiveOf(type, 'entity') &&
    Object.keys(type.getFields()).every((name) => hasResolver(compilation, type.name, name))
  );
}

/** Whether the cause is an `@entity` without a table or key, which has been reported. */
function isReported(compilation: Compilation, name: string): boolean {
  const isBroken = (candidate: string): boolean => {
    const type = compilation.schema.getType(candidate);
    return isObjectType(type) && directiveOf(type, 'entity') !== null && !compilation.drafts.has(candidate);
  };
  if (isBroken(name)) return true;
  const type = compilation.schema.getType(name);
  const edges = isObjectType(type) ? type.getFields()['edges'] : undefined;
  const edge = edges && shapeOf(edges.type).named;
  const node = isObjectType(edge) ? edge.getFields()['node'] : undefined;
  return node !== undefined && isBroken(shapeOf(node.type).named.name);
}

interface ReadLookupInput {
  readonly compilation: Compilation;
  readonly field: AnyField;
  readonly place: string;
  readonly target: Draft;
}

function readLookup({ compilation, field, place, target }: ReadLookupInput): LookupRoot | null {
  const { problems } = compilation;
  const list = directiveOf(field, 'list');
  if (list) problems.error(list, `${place} returns one ${target.type.name}, so @list has no meaning there; remove it`);
  const columns = readKeyArguments({ compilation, field, place, target });
  if (!columns) return null;
  if (columns.size === 0) {
    problems.error(
      field.astNode,
      `${place} returns one ${target.type.name} and needs arguments that name it, such as (${target.primaryKey.join(', ')}); add them, or return a list or a connection`,
    );
    return null;
  }
  const names = [...columns.values()];
  if (!isUnique(target, names)) {
    problems.error(
      field.astNode,
      `${place} finds ${target.type.name} by ${names.join(', ')}, which is not unique in ${target.table.kind} ${tableName(compilation, target.table)}; ${keysOf(target)}, or return a list`,
    );
    return null;
  }
  if (shapeOf(field.type).nonNull)
    problems.warn(
      field.astNode,
      `${place} is non-null, so looking for a row that does not exist is an error; declare ${target.type.name} to answer null`,
    );
  return { kind: 'lookup', target: target.type.name, arguments: columns };
}

export interface ReadKeyArgumentsInput {
  readonly compilation: Compilation;
  readonly field: Pick<AnyField, 'args'>;
  readonly place: string;
  readonly target: Draft;
}

/** Arguments that each name one value of a column; null if one does not. */
export function readKeyArguments({
  compilation,
  field,
  place,
  target,
}: ReadKeyArgumentsInput): ReadonlyMap<string, string> | null {
  const columns = new Map<string, string>();
  let sound = true;
  for (const argument of field.args) {
    const spot = `${place}(${argument.name}:)`;
    const column = requireColumn({ compilation, draft: target, element: argument, place: spot });
    const shape = shapeOf(argument.type);
    const wrong = column && (misfit({ column, shape, direction: 'input' }) ?? whyNoKey(column));
    if (wrong !== null) compilation.problems.error(argument.astNode, `${spot}: ${wrong}`);
    else if (column && !shape.nonNull)
      compilation.problems.error(
        argument.astNode,
        `${spot} may be left out, and then nothing says which ${target.type.name} is meant; declare it ${String(argument.type)}!`,
      );
    if (column && wrong === null && shape.nonNull) columns.set(argument.name, column.name);
    else sound = false;
  }
  return sound ? columns : null;
}

/** Exactly a unique key: with more columns the result would depend on more than the key. */
export function isUnique(target: Draft, columns: readonly string[]): boolean {
  const keys = target.table.kind === 'view' ? [target.primaryKey] : target.table.uniqueKeys;
  return keys.some((key) => key.length === columns.length && key.every((column) => columns.includes(column)));
}

export function keysOf(target: Draft): string {
  const keys = target.table.kind === 'view' ? [target.primaryKey] : target.table.uniqueKeys;
  return `use a unique key (${keys.map((key) => key.join(' + ')).join('; ')})`;
}
