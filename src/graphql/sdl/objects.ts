/** Owns fields that show columns of their own row as an object: the key of a type that another subgraph owns. */
import { type ObjectParts } from '../../model/model.ts';
import { didYouMean, snakeCase } from '../../model/names.ts';
import { isExternal, requireColumns, tableName, type Compilation, type Draft, type StubDraft } from './context.ts';
import { directiveOf, relationArguments, shapeOf, type Shape } from './directives.ts';
import { fieldAt, pathText, type FieldPath } from './field-sets.ts';
import { type AnyField } from './selections.ts';
import { misfit } from './types.ts';

interface Site {
  readonly draft: Draft;
  readonly field: AnyField;
  readonly shape: Shape;
  readonly place: string;
}

interface Leaf {
  readonly path: FieldPath;
  readonly column: string;
}

/** A field that returns a type of another subgraph: the columns that hold its key, by name or as `@relation(from:)` says. */
export function readReference(compilation: Compilation, site: Site, stub: StubDraft): void {
  const { problems } = compilation;
  const { draft, field, shape, place } = site;
  const name = stub.type.name;
  if (shape.lists > 0) {
    problems.error(field.astNode, `${place} returns many of ${name}, which another subgraph owns and of which a row can name one; return the rows that name them, or write a resolver`);
    return;
  }
  const relation = relationArguments(directiveOf(field, 'relation'));
  if (relation && (relation.to !== null || relation.where !== null || relation.orderBy !== null || relation.limit !== null)) {
    problems.error(relation.node, `${place} shows the key of ${name} from columns of this row, so only from has a meaning there; remove the rest`);
    return;
  }
  const named = relation?.from == null ? [] : requireColumns(compilation, draft, relation.from, relation.node, place);
  if (!named) return;
  const leaves = leavesOf(site, stub, named);
  const whole = stub.keys.find(({ paths }) => paths.every((path) => leaves.has(pathText(path))));
  const missing = stub.keys.flatMap(({ paths }) => paths).find((path) => !leaves.has(pathText(path)) && (!whole || !isExternalAt(compilation, stub, path)));
  if (missing || !whole) {
    const column = columnFor(field, missing ?? []);
    const others = whole ? `mark ${name}.${pathText(missing ?? [])} @external` : 'name the columns of its key with @relation(from: [...])';
    problems.error(relation?.node ?? field.astNode, `${place} shows the key of ${name}, which another subgraph owns, but ${draft.table.kind} ${tableName(compilation, draft.table)} has no column "${column}"${didYouMean(column, draft.table.columns.keys()).replace(/\?$/, '')}; add one, ${others}, or map ${name} with @entity`);
    return;
  }
  const shown = [...leaves.values()];
  if (shown.some((leaf) => isMisfit(compilation, site, stub, leaf))) return;
  for (const { column } of shown) draft.used.add(column);
  const required = whole.paths.map((path) => leaves.get(pathText(path))?.column ?? '');
  draft.fields.set(field.name, { kind: 'embedded', target: name, parts: partsOf(shown), required });
  const nullable = required.filter((column) => draft.table.columns.get(column)?.nullable);
  if (shape.nonNull && nullable.length > 0 && draft.table.kind === 'table') {
    problems.warn(field.astNode, `${place} is non-null, but column "${nullable.join('", "')}" may be null, and such a row would be an error; make the column NOT NULL or declare ${name}`);
  }
}

/** Columns behind the fields of all keys, by path; those that are named stand for the first key of as many fields. */
function leavesOf({ draft, field }: Site, stub: StubDraft, named: readonly string[]): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const meant = named.length === 0 ? undefined : stub.keys.find(({ paths }) => paths.length === named.length);
  meant?.paths.forEach((path, i) => leaves.set(pathText(path), { path, column: named[i] ?? '' }));
  for (const path of stub.keys.flatMap(({ paths }) => paths)) {
    const column = columnFor(field, path);
    if (!leaves.has(pathText(path)) && draft.table.columns.has(column)) leaves.set(pathText(path), { path, column });
  }
  return leaves;
}

/** `assignee` and `id` → `assignee_id`. */
function columnFor(field: AnyField, path: FieldPath): string {
  return snakeCase([field.name, ...path].join('_'));
}

function isExternalAt(compilation: Compilation, stub: StubDraft, path: FieldPath): boolean {
  const field = fieldAt(stub.type, path.slice(0, 1));
  return field !== null && isExternal(compilation, field);
}

function isMisfit({ problems }: Compilation, { draft, field, place }: Site, stub: StubDraft, { path, column: name }: Leaf): boolean {
  const shown = fieldAt(stub.type, path);
  const column = draft.table.columns.get(name);
  const wrong = shown && column ? misfit(column, shapeOf(shown.type), 'output') : null;
  if (wrong !== null) problems.error(field.astNode, `${place} shows ${stub.type.name}.${pathText(path)}: ${wrong}`);
  return wrong !== null;
}

function partsOf(leaves: readonly Leaf[]): ObjectParts {
  const parts = new Map<string, string | ObjectParts>();
  for (const [name, below] of Map.groupBy(leaves, ({ path }) => path[0] ?? '')) {
    const [leaf] = below;
    parts.set(name, leaf?.path.length === 1 ? leaf.column : partsOf(below.map(({ path, column }) => ({ path: path.slice(1), column }))));
  }
  return parts;
}
