/** Owns parsing federation's field sets in `@key`, `@requires` and `@provides`: selections as paths of fields. */
import {
  isObjectType,
  isInterfaceType,
  Kind,
  parse,
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
  type SelectionSetNode,
} from 'graphql';
import { didYouMean } from '../model/names.ts';
import { shapeOf, textArgument } from './directives.ts';
import { type Problems } from './problems.ts';

/** Names from a type to a field without subfields: `['organization', 'id']`. */
export type FieldPath = readonly string[];

export function pathText(path: FieldPath): string {
  return path.join('.');
}

/** `"organization { id } slug"` → `organization.id`, `slug`; null if it is not a selection of plain fields. */
export function fieldPaths(text: string): readonly FieldPath[] | null {
  try {
    const [definition, more] = parse(`{ ${text} }`, { noLocation: true }).definitions;
    // An extra bracket would end the selection, and the rest would be ignored.
    return definition?.kind === Kind.OPERATION_DEFINITION && !more ? pathsOf(definition.selectionSet) : null;
  } catch {
    // Not a selection at all; the caller's message explains how a field set is written.
    return null;
  }
}

function pathsOf(set: SelectionSetNode): readonly FieldPath[] | null {
  const paths: FieldPath[] = [];
  for (const node of set.selections) {
    if (node.kind !== Kind.FIELD || node.alias || node.arguments?.length || node.directives?.length) return null;
    const below = node.selectionSet ? pathsOf(node.selectionSet) : [[]];
    if (below === null) return null;
    paths.push(...below.map((path) => [node.name.value, ...path]));
  }
  return paths;
}

/** The field at the end of a path of object fields; null if there is none. */
export function fieldAt(type: GraphQLNamedType, path: FieldPath): GraphQLField<unknown, unknown> | null {
  const [name, ...rest] = path;
  if (name === undefined || !(isObjectType(type) || isInterfaceType(type))) return null;
  const field = type.getFields()[name];
  if (!field || rest.length === 0) return field ?? null;
  return fieldAt(shapeOf(field.type).named, rest);
}

export interface RequireFieldSetInput {
  readonly problems: Problems;
  readonly type: GraphQLNamedType;
  readonly directive: ConstDirectiveNode;
  readonly place: string;
}

/**
 * Paths of a directive's field set, each of which ends in a scalar or enum of `type`; reports errors and returns null.
 */
export function requireFieldSet({
  problems,
  type,
  directive,
  place,
}: RequireFieldSetInput): readonly FieldPath[] | null {
  const paths = fieldPaths(textArgument(directive, 'fields') ?? '');
  if (paths === null) {
    problems.error(
      directive,
      `${place} must select fields by name, without aliases, arguments, directives or fragments; write it as "id" or "organization { id }"`,
    );
    return null;
  }
  const wrong = paths.map((path) => misstep(type, path)).filter((sentence) => sentence !== null);
  for (const sentence of wrong) problems.error(directive, `${place} ${sentence}`);
  return wrong.length === 0 ? paths : null;
}

function misstep(type: GraphQLNamedType, [name, ...rest]: FieldPath): string | null {
  const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
  const field = name === undefined ? undefined : fields[name];
  if (!field) return `names "${name}", which is no field of ${type.name}${didYouMean(name ?? '', Object.keys(fields))}`;
  const { named } = shapeOf(field.type);
  const hasFields = isObjectType(named) || isInterfaceType(named);
  if (rest.length > 0)
    return hasFields
      ? misstep(named, rest)
      : `selects fields of ${type.name}.${name}, which is ${named.name} and has none; name it without braces`;
  return hasFields ? `names "${name}", which is an object; say in braces which of its fields are meant` : null;
}
