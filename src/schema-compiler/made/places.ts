/** Owns where the SDL names types that nobody defines: as what a field returns, an argument takes, or an input holds. */
import {
  isTypeDefinitionNode,
  Kind,
  specifiedScalarTypes,
  type ConstDirectiveNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  type NamedTypeNode,
  type TypeNode,
} from 'graphql';

/** One place that names a type. */
export interface Place {
  readonly name: string;
  readonly node: NamedTypeNode;
  /** What the type is of there: a field's answer, one of its arguments, or a field of an input. */
  readonly as: 'answer' | 'argument' | 'inputField';
  readonly parent: string;
  /** Null in an input. */
  readonly field: FieldDefinitionNode | null;
}

/** Every place of the definitions. */
export function placesOf(definitions: readonly DefinitionNode[]): readonly Place[] {
  return definitions.flatMap((node): readonly Place[] => {
    switch (node.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.OBJECT_TYPE_EXTENSION:
      case Kind.INTERFACE_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_EXTENSION:
        return (node.fields ?? []).flatMap((field) => placesOfField(node.name.value, field));
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      case Kind.INPUT_OBJECT_TYPE_EXTENSION:
        return (node.fields ?? []).map((field) => placeOf(field, { as: 'inputField', parent: node.name.value }, null));
      default:
        return [];
    }
  });
}

function placesOfField(parent: string, field: FieldDefinitionNode): readonly Place[] {
  return [
    placeOf(field, { as: 'answer', parent }, field),
    ...(field.arguments ?? []).map((argument) => placeOf(argument, { as: 'argument', parent }, field)),
  ];
}

function placeOf(
  element: FieldDefinitionNode | InputValueDefinitionNode,
  where: Pick<Place, 'as' | 'parent'>,
  field: FieldDefinitionNode | null,
): Place {
  const node = namedType(element.type);
  return { name: node.name.value, node, ...where, field };
}

export function namedType(type: TypeNode): NamedTypeNode {
  return type.kind === Kind.NAMED_TYPE ? type : namedType(type.type);
}

/** Names that are somebody's: what the author or Meridian defines, and GraphQL's own. */
export function definedTypes(definitions: readonly DefinitionNode[]): ReadonlySet<string> {
  return new Set([
    ...specifiedScalarTypes.map(({ name }) => name),
    ...definitions.filter(isTypeDefinitionNode).map(({ name }) => name.value),
  ]);
}

export function directiveOn(
  node: { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null,
  name: string,
): ConstDirectiveNode | undefined {
  return node?.directives?.find((directive) => directive.name.value === name);
}
