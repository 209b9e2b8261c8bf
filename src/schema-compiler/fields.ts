/** Owns the fields of entities: which are columns, which are relations to other entities, and which are counts. */
import { isEnumType, isInterfaceType, isObjectType, isScalarType, isUnionType } from 'graphql';
import { connectionTarget, checkConnection } from './connections.ts';
import { hasResolver, isExternal, isOfKey, requireColumn, type Compilation, type Draft } from './context.ts';
import { columnName, directiveOf, relationArguments, shapeOf, textArgument, type Shape } from './directives.ts';
import { warnOfMissing, warnOfNulls } from './nulls.ts';
import { readEmbedded, readReference } from './objects.ts';
import { isWayBack, toManyJoin, toOneJoin, type RelationRequest } from './relations.ts';
import { countTarget, readConnection, readCount, readList, type AnyField } from './selections.ts';
import { misfit } from './types.ts';

interface Site {
  readonly draft: Draft;
  readonly field: AnyField;
  readonly shape: Shape;
  readonly place: string;
}

/**
 * Columns and to-one relations of every entity, then the arguments that filter by them. Fields with a resolver are
 * skipped.
 */
export function readFields(compilation: Compilation): void {
  const sites = [...compilation.drafts.values()].flatMap((draft) =>
    Object.values(draft.type.getFields())
      .filter((field) => !isExempt(compilation, draft, field))
      .map((field): Site => ({ draft, field, shape: shapeOf(field.type), place: `${draft.type.name}.${field.name}` })),
  );
  const many = sites.filter((site) => isMany(compilation, site));
  for (const site of sites) if (!many.includes(site)) readSingle(compilation, site);
  for (const site of many) readMany(compilation, site);
}

function isExempt(compilation: Compilation, draft: Draft, field: AnyField): boolean {
  if (hasResolver(compilation, draft.type.name, field.name)) return true;
  return (
    isExternal(compilation, draft.type, field) &&
    !isOfKey(compilation, draft.type, field.name) &&
    !compilation.provided.has(`${draft.type.name}.${field.name}`)
  );
}

function isMany(compilation: Compilation, { field, shape }: Site): boolean {
  if (directiveOf(field, 'count')) return true;
  return (
    (shape.lists > 0 && compilation.drafts.has(shape.named.name)) || connectionTarget(compilation, shape.named) !== null
  );
}

function readSingle(compilation: Compilation, site: Site): void {
  const { problems, drafts } = compilation;
  const { field, shape, place } = site;
  const target = drafts.get(shape.named.name);
  // An @entity without a table or key has been reported.
  if (!target && directiveOf(shape.named, 'entity') !== null) return;
  if (field.args.length > 0) {
    problems.error(
      field.astNode,
      `${place} takes arguments, which ${target || compilation.stubs.has(shape.named.name) ? 'a relation to one entity' : 'a column'} has no use for; remove them or write a resolver`,
    );
    return;
  }
  const stub = compilation.stubs.get(shape.named.name);
  if (target) readToOne(compilation, site, target);
  else if (stub && columnName(field) === null) readReference(compilation, site, stub);
  else if (directiveOf(field, 'embedded')) readEmbedded(compilation, site);
  else if (
    isScalarType(shape.named) ||
    isEnumType(shape.named) ||
    (isObjectType(shape.named) && columnName(field) !== null)
  )
    readColumn(compilation, site);
  else {
    const kind = isInterfaceType(shape.named) ? 'an interface' : isUnionType(shape.named) ? 'a union' : 'no @entity';
    problems.error(
      field.astNode,
      `${place} returns ${shape.named.name}, which is ${kind}; ${isObjectType(shape.named) ? `map ${shape.named.name} with @entity, make it of columns of this row with @embedded, or ` : ''}write a resolver for ${place}`,
    );
  }
}

function readColumn(compilation: Compilation, { draft, field, shape, place }: Site): void {
  const column = requireColumn({ compilation, draft, element: field, place });
  if (!column) return;
  const wrong = misfit({ column, shape, direction: 'output' });
  if (wrong !== null) {
    compilation.problems.error(field.astNode, `${place}: ${wrong}`);
    return;
  }
  draft.fields.set(field.name, { kind: 'column', column: column.name });
  warnOfNulls(compilation, { draft, field, place }, column);
}

function readToOne(compilation: Compilation, { draft, field, place }: Site, target: Draft): void {
  const { problems } = compilation;
  const relation = relationArguments(directiveOf(field, 'relation'));
  if (relation && (relation.where !== null || relation.orderBy !== null || relation.limit !== null)) {
    problems.error(
      relation.node,
      `${place} leads to one ${target.type.name}, so where, orderBy and limit have no meaning there; remove them`,
    );
  }
  const join = toOneJoin(compilation, {
    from: draft,
    to: target,
    field: field.name,
    place,
    node: field.astNode,
    relation,
    directive: '@relation',
  });
  if (!join) return;
  draft.fields.set(field.name, {
    kind: 'toOne',
    target: target.type.name,
    join,
    ...(isWayBack(draft, target, join) ? { isBack: true } : {}),
  });
  warnOfMissing({ compilation, site: { draft, field, place }, target, join });
}

function readMany(compilation: Compilation, site: Site): void {
  const { draft, field, shape, place } = site;
  const count = directiveOf(field, 'count');
  const relation = relationArguments(count ?? directiveOf(field, 'relation'));
  const target = count
    ? countTarget(compilation, textArgument(count, 'of') ?? '', site)
    : (compilation.drafts.get(shape.named.name) ?? connectionTarget(compilation, shape.named));
  if (!target) return;
  const request: RelationRequest = {
    from: draft,
    to: target,
    field: field.name,
    place,
    node: field.astNode,
    relation,
    directive: count ? '@count' : '@relation',
  };
  const join = toManyJoin(compilation, request);
  if (!join) return;
  const selection = { target, join, field, place, relation };
  if (count) draft.fields.set(field.name, readCount(compilation, selection));
  else if (shape.lists > 0) draft.fields.set(field.name, readList(compilation, selection));
  else {
    if (isObjectType(shape.named)) checkConnection(compilation, shape.named, target);
    draft.fields.set(field.name, readConnection(compilation, selection));
  }
}
