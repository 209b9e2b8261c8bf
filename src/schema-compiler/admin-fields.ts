/**
 * Owns Meridian's additions to the schema: the fields of `Query` for administrators, and the check that the author does
 * not redefine Meridian's directives.
 */
import { Kind, print, visit, type DefinitionNode, type FieldDefinitionNode } from 'graphql';
import { type Problems } from './problems.ts';

/** Fields of `Query` that Meridian adds: kind → configured name; an empty name: the field is left out. */
export interface AdminFields {
  readonly regionHealth: string;
  readonly conflicts: string;
}

export const ADMIN_FIELDS: AdminFields = { regionHealth: 'regionHealth', conflicts: 'conflicts' };

export interface NamedDefinitionsInput {
  readonly builtIn: readonly DefinitionNode[];
  readonly own: readonly DefinitionNode[];
  readonly fields: AdminFields;
  readonly problems: Problems;
}

/**
 * Meridian's definitions, with its fields of `Query` under their configured names; reports names that the author also
 * uses.
 */
export function namedDefinitions({ builtIn, own, fields, problems }: NamedDefinitionsInput): readonly DefinitionNode[] {
  const named = new Map<string, string>(Object.entries(fields));
  const isDouble = fields.conflicts !== '' && fields.conflicts === fields.regionHealth;
  if (isDouble)
    problems.error(
      null,
      `the options regionHealthField and conflictsField give two fields of Query one name, ${fields.conflicts}; change one`,
    );
  return builtIn.flatMap((node): readonly DefinitionNode[] => {
    if (node.kind !== Kind.OBJECT_TYPE_EXTENSION || node.name.value !== 'Query') return [node];
    const kept = (node.fields ?? []).flatMap((field): readonly FieldDefinitionNode[] => {
      const told = field.name.value;
      const name = named.get(told) ?? told;
      const taken = name === '' ? null : ownField(own, name);
      if (taken)
        problems.error(
          taken,
          `Query.${name} is also what Meridian adds for administrators; give Meridian's another name with the option ${told}Field, or an empty one to leave it out`,
        );
      return name === '' || taken || isDouble ? [] : [{ ...field, name: { ...field.name, value: name } }];
    });
    return kept.length === 0 ? [] : [{ ...node, fields: kept }];
  });
}

function ownField(own: readonly DefinitionNode[], name: string): FieldDefinitionNode | undefined {
  const types = own.flatMap((node) =>
    (node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.OBJECT_TYPE_EXTENSION) &&
    node.name.value === 'Query'
      ? [node]
      : [],
  );
  return types.flatMap(({ fields }) => fields ?? []).find((field) => field.name.value === name);
}

/**
 * An author's directive with the name of one of Meridian's would silently disable it. A copy of the definition is
 * allowed, because other tools may need it.
 */
export function checkDirectives(
  builtIn: readonly DefinitionNode[],
  own: readonly DefinitionNode[],
  problems: Problems,
): void {
  const ours = new Map(
    builtIn.flatMap((node) => (node.kind === Kind.DIRECTIVE_DEFINITION ? [[node.name.value, node] as const] : [])),
  );
  for (const node of own) {
    const known = node.kind === Kind.DIRECTIVE_DEFINITION ? ours.get(node.name.value) : undefined;
    if (known && node.kind === Kind.DIRECTIVE_DEFINITION && plain(known) !== plain(node)) {
      problems.error(
        node,
        `@${node.name.value} is a directive of Meridian's, which this definition would replace; take the definition out, or call yours otherwise`,
      );
    }
  }
}

/** A definition without parts that have no effect: descriptions, and the order of arguments and locations. */
function plain(node: DefinitionNode): string {
  const byName = <N extends { readonly name: { readonly value: string } }>(nodes: readonly N[]): readonly N[] =>
    [...nodes].sort((a, b) => (a.name.value < b.name.value ? -1 : 1));
  const sorted = visit(node, {
    DirectiveDefinition: (part) => ({
      ...part,
      arguments: byName(part.arguments ?? []),
      locations: [...part.locations].sort((a, b) => (a.value < b.value ? -1 : 1)),
    }),
  });
  return print(
    visit(sorted, {
      enter: (part) => ('description' in part && part.description ? { ...part, description: undefined } : undefined),
    }),
  );
}
