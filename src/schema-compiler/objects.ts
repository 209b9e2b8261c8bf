/**
 * Owns fields that show columns of their own row as an object: value objects, and keys of types that another subgraph
 * owns.
 */
import { isEnumType, isObjectType, isScalarType, type GraphQLObjectType } from 'graphql';
import { columnsOfObject, type ObjectShape } from '../model/model.ts';
import { didYouMean, snakeCase } from '../model/names.ts';
import { identifierOf } from '../model/sql-names.ts';
import {
  hasResolver,
  isExternal,
  requireColumns,
  tableName,
  unknownColumn,
  type Compilation,
  type Draft,
  type StubDraft,
} from './context.ts';
import {
  columnName,
  directiveOf,
  directivesOf,
  relationArguments,
  shapeOf,
  textArgument,
  type Shape,
} from './directives.ts';
import { fieldAt, fieldPaths, pathText, requireFieldSet, type FieldPath } from './field-sets.ts';
import { warnOfNulls } from './nulls.ts';
import { type AnyField } from './selections.ts';
import { misfit } from './types.ts';

/** A field whose object is made of columns that begin with `prefix`. */
interface Site {
  readonly draft: Draft;
  readonly field: AnyField;
  readonly shape: Shape;
  readonly place: string;
}

type Parts = Map<string, string | ObjectShape>;

/** `@embedded`: an object without a table, whose fields are columns of the containing row. */
export function readEmbedded(compilation: Compilation, site: Site): void {
  const { draft, field, shape, place } = site;
  const { named } = shape;
  if (!isObjectType(named) || shape.lists > 0) {
    compilation.problems.error(
      field.astNode,
      `${place} is @embedded, but returns ${String(field.type)}; only one object can be made of columns of this row: return an object type, or remove @embedded`,
    );
    return;
  }
  const embedded = valueShape({ compilation, site, type: named, nesting: { prefix: prefixOf(field), around: [] } });
  if (!embedded) return;
  finish({
    compilation,
    site,
    embedded,
    mayBeNull: shape.nonNull && columnsOfObject(embedded).every((column) => draft.table.columns.get(column)?.nullable),
  });
}

/**
 * A field that returns a type of another subgraph: the columns that hold its key, found by name or as in
 * `@relation(from:)`.
 */
export function readReference(compilation: Compilation, site: Site, stub: StubDraft): void {
  const { draft, shape } = site;
  const embedded = keyShape({ compilation, site, stub, prefix: prefixOf(site.field) });
  if (embedded)
    finish({
      compilation,
      site,
      embedded,
      mayBeNull: shape.nonNull && embedded.required.some((column) => draft.table.columns.get(column)?.nullable),
    });
}

interface FinishInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly embedded: ObjectShape;
  readonly mayBeNull: boolean;
}

function finish({ compilation, site: { draft, field, shape, place }, embedded, mayBeNull }: FinishInput): void {
  const { named } = shape;
  const { problems, federation } = compilation;
  for (const directive of directivesOf(field, federation.localName('provides'))) {
    for (const path of requireFieldSet({ problems, type: named, directive, place: `@provides of ${place}` }) ?? []) {
      if (!shows(embedded, path) && !hasResolver(compilation, named.name, path[0] ?? ''))
        problems.error(
          directive,
          `${place} provides ${pathText(path)}, but no column of ${draft.table.kind} ${draft.table.name} shows ${named.name}.${pathText(path)} there; add one called "${columnFor(prefixOf(field), path)}", or take it out of @provides`,
        );
    }
  }
  for (const column of columnsOfObject(embedded)) draft.used.add(column);
  draft.fields.set(field.name, { kind: 'embedded', target: named.name, ...embedded });
  if (!mayBeNull || draft.table.kind === 'view') return;
  const nullable = (embedded.required.length > 0 ? embedded.required : columnsOfObject(embedded)).filter(
    (column) => draft.table.columns.get(column)?.nullable,
  );
  problems.warn(
    field.astNode,
    `${place} is non-null, but column "${nullable.join('", "')}" may be null, and such a row would be an error; make the column NOT NULL or declare ${named.name}`,
  );
}

interface Nesting {
  readonly prefix: string;
  /** Types that contain this one, to detect a type that contains itself. */
  readonly around: readonly GraphQLObjectType[];
}

interface ValueShapeInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly type: GraphQLObjectType;
  readonly nesting: Nesting;
}

/** Every field of the type as a column of the row; null if one cannot be. */
function valueShape({ compilation, site, type, nesting: { prefix, around } }: ValueShapeInput): ObjectShape | null {
  const { problems } = compilation;
  compilation.values.add(type.name);
  if (around.includes(type)) {
    problems.error(
      site.field.astNode,
      `${site.place} holds ${type.name} within itself, which no row can; remove @embedded, or write a resolver`,
    );
    return null;
  }
  const parts: Parts = new Map();
  let sound = true;
  for (const field of Object.values(type.getFields())) {
    if (hasResolver(compilation, type.name, field.name)) continue;
    const inner: Site = { draft: site.draft, field, shape: shapeOf(field.type), place: `${site.place}.${field.name}` };
    const part = partOf({ compilation, site: inner, owner: type, nesting: { prefix, around: [...around, type] } });
    if (part === null) sound = false;
    else if (part !== 'elsewhere') parts.set(field.name, part.shown);
  }
  if (sound && parts.size === 0)
    problems.error(
      site.field.astNode,
      `${site.place} is @embedded, but no field of ${type.name} is a column; remove @embedded, or write a resolver for ${site.place}`,
    );
  if (!sound || parts.size === 0) return null;
  warnOfParts({ compilation, site, type, parts });
  return { parts, required: [] };
}

interface WarnOfPartsInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly type: GraphQLObjectType;
  readonly parts: Parts;
}

/** The object exists as soon as one of its columns has a value, so another one may be null in it. */
function warnOfParts({ compilation, site: { draft, place }, type, parts }: WarnOfPartsInput): void {
  for (const [name, part] of parts) {
    const column = typeof part === 'string' ? draft.table.columns.get(part) : undefined;
    const field = type.getFields()[name];
    if (column && field && (parts.size > 1 || !column.nullable))
      warnOfNulls(compilation, { draft, field, place: `${place}.${name}` }, column);
  }
}

interface PartOfInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly owner: GraphQLObjectType;
  readonly nesting: Nesting;
}

/**
 * A column, a contained object, or a type of another subgraph; null if it is none of these, which has been reported.
 */
function partOf({
  compilation,
  site,
  owner,
  nesting: { prefix, around },
}: PartOfInput): { readonly shown: string | ObjectShape } | 'elsewhere' | null {
  const { problems, stubs } = compilation;
  const { draft, field, shape, place } = site;
  const { named } = shape;
  const wrap = (inner: ObjectShape | null): { readonly shown: ObjectShape } | null => inner && { shown: inner };
  if (field.args.length > 0) {
    problems.error(
      field.astNode,
      `${place} takes arguments, which a column has no use for; remove them or write a resolver`,
    );
    return null;
  }
  const stub = stubs.get(named.name);
  if (isScalarType(named) || isEnumType(named) || columnName(field) !== null) {
    const explicit = columnName(field);
    const spelled = `${prefix}${explicit ?? snakeCase(field.name)}`;
    const name =
      explicit === null || draft.table.columns.has(spelled)
        ? spelled
        : `${prefix}${identifierOf(explicit) ?? explicit}`;
    const column = draft.table.columns.get(name);
    if (!column && isExternal(compilation, owner, field)) return 'elsewhere';
    const wrong = column ? misfit({ column, shape, direction: 'output' }) : null;
    if (!column)
      problems.error(field.astNode, unknownColumn({ compilation, draft, column: name, place, canName: false }));
    else if (wrong !== null) problems.error(field.astNode, `${place}: ${wrong}`);
    return column && wrong === null ? { shown: name } : null;
  }
  if (stub && shape.lists === 0)
    return wrap(keyShape({ compilation, site, stub, prefix: `${prefix}${prefixOf(field)}` }));
  if (isObjectType(named) && shape.lists === 0 && directiveOf(field, 'embedded'))
    return wrap(
      valueShape({ compilation, site, type: named, nesting: { prefix: `${prefix}${prefixOf(field)}`, around } }),
    );
  if (isExternal(compilation, owner, field)) return 'elsewhere';
  problems.error(
    field.astNode,
    `${place} returns ${String(field.type)}, which is no column; write a resolver for ${owner.name}.${field.name}${isObjectType(named) && shape.lists === 0 ? ', or make it of columns with @embedded' : ''}`,
  );
  return null;
}

interface Leaf {
  readonly path: FieldPath;
  readonly column: string;
}

interface KeyShapeInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly stub: StubDraft;
  readonly prefix: string;
}

/** What this row holds of a type that another subgraph owns: at least one of its keys. */
function keyShape({ compilation, site, stub, prefix }: KeyShapeInput): ObjectShape | null {
  const { problems } = compilation;
  const { draft, field, shape, place } = site;
  const name = stub.type.name;
  if (shape.lists > 0) {
    problems.error(
      field.astNode,
      `${place} returns many of ${name}, which another subgraph owns and of which a row can name one; return the rows that name them, or write a resolver`,
    );
    return null;
  }
  const relation = relationArguments(directiveOf(field, 'relation'));
  if (
    relation &&
    (relation.to !== null || relation.where !== null || relation.orderBy !== null || relation.limit !== null)
  ) {
    problems.error(
      relation.node,
      `${place} shows the key of ${name} from columns of this row, so only from has a meaning there; remove the rest`,
    );
    return null;
  }
  const named =
    relation?.from == null
      ? []
      : requireColumns({ compilation, draft, names: relation.from, node: relation.node, place });
  if (!named) return null;
  const leaves = leavesOf({ compilation, site, stub, named, prefix });
  const whole = stub.keys.find(({ paths }) => paths.every((path) => leaves.has(pathText(path))));
  const missing = stub.keys
    .flatMap(({ paths }) => paths)
    .find((path) => !leaves.has(pathText(path)) && (!whole || !isExternalAt(compilation, stub, path)));
  if (missing || !whole) {
    const column = columnFor(prefix, missing ?? []);
    const others = whole
      ? `mark ${name}.${pathText(missing ?? [])} @external`
      : 'name the columns of its key with @relation(from: [...])';
    problems.error(
      relation?.node ?? field.astNode,
      `${place} shows the key of ${name}, which another subgraph owns, but ${draft.table.kind} ${tableName(compilation, draft.table)} has no column "${column}"${didYouMean(column, draft.table.columns.keys()).replace(/\?$/, '')}; add one, ${others}, or map ${name} with @entity`,
    );
    return null;
  }
  const shown = [...leaves.values()];
  const required = whole.paths.map((path) => leaves.get(pathText(path))?.column ?? '');
  if (shown.filter((leaf) => isMisfit({ compilation, site, stub, leaf })).length > 0) return null;
  for (const { path, column: name } of shown.filter(({ column }) => !required.includes(column))) {
    const [column, other] = [draft.table.columns.get(name), fieldAt(stub.type, path)];
    if (column && other) warnOfNulls(compilation, { draft, field: other, place: `${place}.${pathText(path)}` }, column);
  }
  return { parts: partsOf(shown), required };
}

interface LeavesInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly stub: StubDraft;
  readonly named: readonly string[];
  readonly prefix: string;
}

/**
 * Columns of the fields of all keys and of provided fields, by path; explicitly named columns belong to the first key
 * with the same number of fields.
 */
function leavesOf({
  compilation,
  site: { draft, field },
  stub,
  named,
  prefix,
}: LeavesInput): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const meant = named.length === 0 ? undefined : stub.keys.find(({ paths }) => paths.length === named.length);
  meant?.paths.forEach((path, i) => leaves.set(pathText(path), { path, column: named[i] ?? '' }));
  const provided = directivesOf(field, compilation.federation.localName('provides')).flatMap(
    (directive) => fieldPaths(textArgument(directive, 'fields') ?? '') ?? [],
  );
  for (const path of [...stub.keys.flatMap(({ paths }) => paths), ...provided]) {
    const column = columnFor(prefix, path);
    if (!leaves.has(pathText(path)) && draft.table.columns.has(column)) leaves.set(pathText(path), { path, column });
  }
  return leaves;
}

/** `@embedded(prefix:)`, else the field's name: `assignee` → `assignee_`. */
function prefixOf(field: AnyField): string {
  return textArgument(directiveOf(field, 'embedded'), 'prefix') ?? `${snakeCase(field.name)}_`;
}

/** `assignee_` and `id` → `assignee_id`. */
function columnFor(prefix: string, path: FieldPath): string {
  return `${prefix}${snakeCase(path.join('_'))}`;
}

function isExternalAt(compilation: Compilation, stub: StubDraft, path: FieldPath): boolean {
  const field = fieldAt(stub.type, path.slice(0, 1));
  return field !== null && isExternal(compilation, stub.type, field);
}

interface IsMisfitInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly stub: StubDraft;
  readonly leaf: Leaf;
}

function isMisfit({
  compilation: { problems },
  site: { draft, field, place },
  stub,
  leaf: { path, column: name },
}: IsMisfitInput): boolean {
  const shown = fieldAt(stub.type, path);
  const column = draft.table.columns.get(name);
  const wrong = shown && column ? misfit({ column, shape: shapeOf(shown.type), direction: 'output' }) : null;
  if (wrong !== null) problems.error(field.astNode, `${place} shows ${stub.type.name}.${pathText(path)}: ${wrong}`);
  return wrong !== null;
}

function partsOf(leaves: readonly Leaf[]): Parts {
  const parts: Parts = new Map();
  for (const [name, below] of Map.groupBy(leaves, ({ path }) => path[0] ?? '')) {
    const [leaf] = below;
    parts.set(
      name,
      leaf?.path.length === 1
        ? leaf.column
        : { parts: partsOf(below.map(({ path, column }) => ({ path: path.slice(1), column }))), required: [] },
    );
  }
  return parts;
}

function shows(shape: ObjectShape, [name, ...rest]: FieldPath): boolean {
  const part = shape.parts.get(name ?? '');
  return typeof part === 'object' ? shows(part, rest) : part !== undefined && rest.length === 0;
}
