/**
 * Owns `@durable`: how many servers must have what a field of `Mutation` writes, by directive or in a resolver's
 * transaction.
 */
import { isInterfaceType, isObjectType, type GraphQLResolveInfo } from 'graphql';
import { type Durability } from '../model/model.ts';
import { type Compilation } from './context.ts';
import { directiveOf, textArgument, type Annotated } from './directives.ts';

const LEVELS: readonly Durability[] = ['LOCAL', 'REMOTE_WRITE', 'REMOTE_APPLY'];

/** The field's level; null if it leaves it to the server's options. */
export function durabilityOf(field: Annotated): Durability | null {
  const named = textArgument(directiveOf(field, 'durable'), 'level');
  return LEVELS.find((level) => level === named) ?? null;
}

/** The level of the `Mutation` field that a resolver runs for; null for any other field. */
export function durabilityAt({
  parentType,
  fieldName,
  schema,
}: Pick<GraphQLResolveInfo, 'parentType' | 'fieldName' | 'schema'>): Durability | null {
  const field = parentType === schema.getMutationType() ? parentType.getFields()[fieldName] : undefined;
  return field ? durabilityOf(field) : null;
}

/** The levels that some field of `Mutation` asks for. */
export function durabilitiesOf({ schema }: Pick<Compilation, 'schema'>): ReadonlySet<Durability> {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  return new Set(fields.map(durabilityOf).filter((level) => level !== null));
}

/** Only writes can be durable. GraphQL's rules for schemas do not check the values of directive arguments. */
export function checkDurable({ schema, problems }: Compilation): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(isObjectType(type) || isInterfaceType(type))) continue;
    for (const field of Object.values(type.getFields())) {
      const directive = directiveOf(field, 'durable');
      if (!directive) continue;
      if (type !== schema.getMutationType())
        problems.error(
          directive,
          `${type.name}.${field.name} is no field of Mutation, so @durable has no meaning there; move it to the mutation that writes, or remove it`,
        );
      else if (durabilityOf(field) === null)
        problems.error(
          directive,
          `${type.name}.${field.name} is @durable with a level that there is not; use ${LEVELS.join(', ')}`,
        );
    }
  }
}
