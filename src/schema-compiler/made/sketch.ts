/**
 * Owns what the SDL alone says of an entity: its fields and what stands behind them. Types are made of this and not of
 * the catalog, so that the graph is the same wherever it is read.
 */
import {
  Kind,
  valueFromASTUntyped,
  type ConstDirectiveNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type ObjectTypeDefinitionNode,
  type ObjectTypeExtensionNode,
} from 'graphql';
import { snakeCase } from '../../model/names.ts';
import { textArgument } from '../directives.ts';
import { type Federation } from '../federation.ts';
import { fieldPaths } from '../field-sets.ts';
import { directiveOn, namedType } from './places.ts';

/** Made types that a field may be left out of. */
export type MadePart = 'FILTER' | 'ORDER' | 'CREATE' | 'UPDATE';

export interface SketchField {
  readonly name: string;
  readonly node: FieldDefinitionNode;
  /** `value`: a column. `relation`: the row names another one by a column. `other`: neither, as far as the SDL says. */
  readonly kind: 'value' | 'relation' | 'other';
  /** Type without lists and `!`; of a relation, that of the key by which the row names the other. */
  readonly type: string;
  readonly isEnum: boolean;
  readonly lists: number;
  /** As it is written, without the last `!`. */
  readonly written: string;
  readonly nonNull: boolean;
  /** Column that the SDL names or implies; null where a foreign key says it. */
  readonly column: string | null;
  readonly hasDefault: boolean;
  readonly omitted: ReadonlySet<MadePart>;
}

export interface EntitySketch {
  readonly name: string;
  readonly fields: readonly SketchField[];
  readonly version: string | null;
  readonly tenant: string | null;
  /** Fields of the first key. */
  readonly key: readonly string[];
  /** Whether `@conflict` says what becomes of an insert whose key is taken. */
  readonly resolvesInserts: boolean;
}

type ObjectNode = ObjectTypeDefinitionNode | ObjectTypeExtensionNode;
type Objects = ReadonlyMap<string, readonly ObjectNode[]>;

interface Reader {
  readonly objects: Objects;
  readonly enums: ReadonlySet<string>;
  readonly scalars: ReadonlySet<string>;
  readonly federation: Federation;
}

export interface SketchInput {
  readonly own: readonly DefinitionNode[];
  readonly builtIn: readonly DefinitionNode[];
  readonly federation: Federation;
}

/** Every type with `@entity`, by name. */
export function sketchEntities({ own, builtIn, federation }: SketchInput): ReadonlyMap<string, EntitySketch> {
  const objects = Map.groupBy(own.filter(isObject), ({ name }) => name.value);
  const named = (kind: Kind): string[] =>
    [...own, ...builtIn].flatMap((node) =>
      node.kind === kind && 'name' in node && node.name ? [node.name.value] : [],
    );
  const reader: Reader = {
    objects,
    enums: new Set(named(Kind.ENUM_TYPE_DEFINITION)),
    scalars: new Set(['ID', 'String', 'Int', 'Float', 'Boolean', ...named(Kind.SCALAR_TYPE_DEFINITION)]),
    federation,
  };
  return new Map(
    [...objects].flatMap(([name, nodes]) => (directive(nodes, 'entity') ? [[name, sketch(reader, name)]] : [])),
  );
}

function isObject(node: DefinitionNode): node is ObjectNode {
  return node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.OBJECT_TYPE_EXTENSION;
}

function directive(nodes: readonly ObjectNode[], name: string): ConstDirectiveNode | null {
  return nodes.map((node) => directiveOn(node, name)).find((found) => found !== undefined) ?? null;
}

function sketch(reader: Reader, name: string): EntitySketch {
  const nodes = reader.objects.get(name) ?? [];
  const all = fieldsOf(nodes).map((node) => sketchField(reader, node));
  const columns = new Set(all.flatMap(({ kind, column }) => (kind === 'value' && column !== null ? [column] : [])));
  return {
    name,
    // The column of a relation may be shown as well (`artistId` beside `artist`): then that field stands for it.
    fields: all.map((field) =>
      field.kind === 'relation' && isShown(field, columns) ? { ...field, kind: 'other' } : field,
    ),
    version: textArgument(directive(nodes, 'entity'), 'version'),
    tenant: textArgument(directive(nodes, 'tenant'), 'column'),
    key: firstKey(reader, nodes).map((path) => path[0] ?? ''),
    resolvesInserts: directive(nodes, 'conflict')?.arguments?.some((it) => it.name.value === 'insertExisting') ?? false,
  };
}

function isShown({ name, column }: SketchField, columns: ReadonlySet<string>): boolean {
  return column === null ? columns.has(snakeCase(name)) || columns.has(`${snakeCase(name)}_id`) : columns.has(column);
}

function fieldsOf(nodes: readonly ObjectNode[]): readonly FieldDefinitionNode[] {
  return nodes.flatMap(({ fields }) => fields ?? []);
}

function firstKey({ federation }: Reader, nodes: readonly ObjectNode[]): readonly (readonly string[])[] {
  return fieldPaths(textArgument(directive(nodes, federation.localName('key')), 'fields') ?? '') ?? [];
}

function sketchField(reader: Reader, node: FieldDefinitionNode): SketchField {
  const name = node.name.value;
  const type = namedType(node.type).name.value;
  const nonNull = node.type.kind === Kind.NON_NULL_TYPE;
  const written = textOf(node.type.kind === Kind.NON_NULL_TYPE ? node.type.type : node.type);
  const common = {
    name,
    node,
    type,
    isEnum: reader.enums.has(type),
    lists: written.split('[').length - 1,
    written,
    nonNull,
    column: null,
    hasDefault: directiveOn(node, 'default') !== undefined,
    omitted: omittedOf(node),
  };
  if (isElsewhere(reader, node)) return { ...common, kind: 'other' };
  if (reader.scalars.has(type) || reader.enums.has(type))
    return {
      ...common,
      kind: 'value',
      column: textArgument(directiveOn(node, 'column') ?? null, 'name') ?? snakeCase(name),
    };
  const relation = common.lists === 0 ? relationOf(reader, node, type) : null;
  return relation ? { ...common, kind: 'relation', ...relation } : { ...common, kind: 'other' };
}

/** Counts, what a resolver makes of other fields, and what another subgraph owns are no columns of the row. */
function isElsewhere({ federation }: Reader, node: FieldDefinitionNode): boolean {
  if ((node.arguments ?? []).length > 0) return true;
  return ['count', 'embedded', federation.localName('external'), federation.localName('requires')].some((name) =>
    directiveOn(node, name),
  );
}

/** The key by which the row names another one; null where it names none, or by more than one column. */
function relationOf(
  reader: Reader,
  node: FieldDefinitionNode,
  target: string,
): Pick<SketchField, 'type' | 'written' | 'column'> | null {
  const nodes = reader.objects.get(target) ?? [];
  const isEntity = directive(nodes, 'entity') !== null;
  const key = firstKey(reader, nodes);
  const [keyField, ...further] = key.length > 0 ? key : isEntity ? [['id']] : [];
  if (keyField?.length !== 1 || further.length > 0) return null;
  const shown = fieldsOf(nodes).find((field) => field.name.value === keyField[0]);
  const type = shown && namedType(shown.type).name.value;
  if (type === undefined || !reader.scalars.has(type)) return null;
  const relation = directiveOn(node, 'relation');
  const from = columnsOf(relation, 'from');
  // Without `from`, `to` names columns of the other's rows that hold this one's key.
  if (from ? from.length !== 1 : columnsOf(relation, 'to') !== null) return null;
  const byName = isEntity ? null : snakeCase(`${node.name.value}_${keyField[0] ?? ''}`);
  return { type, written: type, column: from?.[0] ?? byName };
}

function columnsOf(relation: ConstDirectiveNode | undefined, name: string): readonly string[] | null {
  const given = relation?.arguments?.find((argument) => argument.name.value === name);
  if (!given) return null;
  const value: unknown = valueFromASTUntyped(given.value);
  return typeof value === 'string' ? [value] : Array.isArray(value) ? value.map(String) : null;
}

const PARTS: readonly MadePart[] = ['FILTER', 'ORDER', 'CREATE', 'UPDATE'];

/** Without `from`, `@omit` leaves the field out of all. */
function omittedOf(node: FieldDefinitionNode): ReadonlySet<MadePart> {
  const omit = directiveOn(node, 'omit');
  if (!omit) return new Set();
  const given = columnsOf(omit, 'from');
  return new Set(given === null ? PARTS : PARTS.filter((part) => given.includes(part)));
}

function textOf(type: FieldDefinitionNode['type']): string {
  if (type.kind === Kind.NON_NULL_TYPE) return `${textOf(type.type)}!`;
  return type.kind === Kind.LIST_TYPE ? `[${textOf(type.type)}]` : type.name.value;
}
