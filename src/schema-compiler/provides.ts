/** Owns external fields: which of them some `@provides` includes, and whether a row can carry the others. */
import { isInterfaceType, isObjectType, type GraphQLNamedType } from 'graphql';
import { externalFields, tableName, type Compilation } from './context.ts';
import { directivesOf, shapeOf } from './directives.ts';
import { requireFieldSet, type FieldPath } from './field-sets.ts';

/**
 * Fields that are provided somewhere, as `Type.field`: an entity shows these from its columns, although they are
 * external.
 */
export function findProvided({ schema, federation, problems, provided }: Compilation): void {
  const provides = federation.localName('provides');
  for (const type of Object.values(schema.getTypeMap())) {
    for (const field of isObjectType(type) ? Object.values(type.getFields()) : []) {
      const { named } = shapeOf(field.type);
      for (const directive of directivesOf(field, provides)) {
        const paths =
          requireFieldSet({ problems, type: named, directive, place: `@provides of ${type.name}.${field.name}` }) ?? [];
        for (const step of paths.flatMap((path) => steps(named, path))) provided.add(step);
      }
    }
  }
}

/**
 * Resolvers find a representation's values on the row, by the field's name, so no column of another field may have that
 * name.
 */
export function checkExternals(compilation: Compilation): void {
  for (const draft of compilation.drafts.values()) {
    for (const name of externalFields(compilation, draft.type)) {
      const own = draft.fields.get(name);
      if (!draft.used.has(name) || (own?.kind === 'column' && own.column === name)) continue;
      compilation.problems.error(
        draft.type.getFields()[name]?.astNode,
        `${draft.type.name}.${name} is external, but rows of ${tableName(compilation, draft.table)} carry column "${name}" under that name for something else; show the table through a view that calls the column otherwise`,
      );
    }
  }
}

/** Each field on a path, as `Type.field`. */
function steps(type: GraphQLNamedType, [name, ...rest]: FieldPath): readonly string[] {
  if (name === undefined || !(isObjectType(type) || isInterfaceType(type))) return [];
  const field = type.getFields()[name];
  return [`${type.name}.${name}`, ...(field ? steps(shapeOf(field.type).named, rest) : [])];
}
