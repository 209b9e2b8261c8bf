/** Owns directives without effect, and resolvers for fields that the schema does not have. */
import {
  isEnumType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
} from 'graphql';
import { type Model } from '../model/model.ts';
import { didYouMean } from '../model/names.ts';
import { hasResolver, type Compilation } from './context.ts';
import { directiveOf, shapeOf } from './directives.ts';
import { checkDurable } from './durability.ts';
import { type AnyField } from './selections.ts';

const ON_FIELDS = ['column', 'embedded', 'relation', 'list', 'count', 'insert', 'update', 'delete'] as const;
const ON_ENTITIES = ['cached', 'tenant', 'conflict'] as const;
/** What a field is to the types that are made of its entity. */
const ON_COLUMNS = ['omit', 'default'] as const;
/** Whether the mutation has a directive or a resolver. */
const ON_MUTATIONS = ['idempotent'] as const;

/** Functions of a type that are not resolvers of its fields. */
const HOOKS: ReadonlySet<string> = new Set(['__resolveReference', '__resolveType', '__isTypeOf']);

/** A directive without effect would mislead readers of the schema: it is an error. */
export function checkPlacement(compilation: Compilation, roots: Pick<Model, 'queries' | 'subscriptions'>): void {
  checkDurable(compilation);
  for (const type of Object.values(compilation.schema.getTypeMap())) {
    if (isInterfaceType(type)) checkInterface(compilation, type);
    if (!isObjectType(type)) continue;
    if (type !== compilation.schema.getMutationType()) checkNoMutation(compilation, type);
    if (type !== compilation.schema.getSubscriptionType()) checkNotLive(compilation, type);
    const isEntity = directiveOf(type, 'entity') !== null;
    if (!isEntity) checkObject(compilation, type);
    const isBroken = isEntity && !compilation.drafts.has(type.name);
    for (const field of isBroken ? [] : Object.values(type.getFields())) {
      checkField(compilation, type, field);
      checkMade(compilation, type, field);
      checkCached({ compilation, type, field, roots });
      if (!isEntity) checkConflict(compilation, type, field);
    }
  }
}

function checkObject({ problems }: Compilation, type: GraphQLObjectType): void {
  for (const name of ON_ENTITIES) {
    const directive = directiveOf(type, name);
    if (directive) problems.error(directive, `${type.name} is no @entity, so @${name} has no meaning there; remove it`);
  }
}

/** The objects that implement it declare this themselves. */
function checkInterface(compilation: Compilation, type: GraphQLInterfaceType): void {
  checkNoMutation(compilation, type);
  checkNotLive(compilation, type);
  for (const field of Object.values(type.getFields())) checkConflict(compilation, type, field);
}

function checkConflict(
  { problems }: Compilation,
  type: GraphQLObjectType | GraphQLInterfaceType,
  field: AnyField,
): void {
  const directive = directiveOf(field, 'conflict');
  if (directive)
    problems.error(
      directive,
      `${type.name}.${field.name} is no field of an @entity, so @conflict has no meaning there; put it on the entity that the conflict is about, or on a field of it`,
    );
}

function checkNoMutation({ problems }: Compilation, type: GraphQLObjectType | GraphQLInterfaceType): void {
  for (const field of Object.values(type.getFields())) {
    for (const name of ON_MUTATIONS) {
      const directive = directiveOf(field, name);
      if (directive)
        problems.error(
          directive,
          `${type.name}.${field.name} is no mutation, so @${name} has no meaning there; remove it, or say it on the field of Mutation`,
        );
    }
  }
}

function checkNotLive({ problems }: Compilation, type: GraphQLObjectType | GraphQLInterfaceType): void {
  for (const field of Object.values(type.getFields())) {
    const directive = directiveOf(field, 'live');
    if (directive)
      problems.error(
        directive,
        `${type.name}.${field.name} is no field of Subscription, so @live has no meaning there; remove it, or declare the field on Subscription`,
      );
  }
}

interface CheckCachedInput {
  readonly compilation: Compilation;
  readonly type: GraphQLObjectType;
  readonly field: AnyField;
  readonly roots: Pick<Model, 'queries' | 'subscriptions'>;
}

/** Only what has many rows is kept field by field; one row is kept as its entity is. */
function checkCached({ compilation, type, field, roots }: CheckCachedInput): void {
  const directive = directiveOf(field, 'cached');
  if (!directive) return;
  const root = rootFieldsOf(compilation, type, roots);
  const own = compilation.drafts.get(type.name) ?? compilation.stubs.get(type.name);
  const mapped = root ? root.get(field.name) : own?.fields.get(field.name);
  // A field of an entity that could not be read has had its own problem.
  const isUnread =
    mapped === undefined && !hasResolver(compilation, type.name, field.name) && (root !== null || own !== undefined);
  if (isUnread || (mapped && ['list', 'connection', 'count'].includes(mapped.kind))) return;
  compilation.problems.error(
    directive,
    `${type.name}.${field.name} is no list, connection or count of rows, so @cached has no meaning there; ${mapped && 'target' in mapped ? `say it on ${mapped.target}` : 'remove it'}`,
  );
}

function rootFieldsOf(
  { schema }: Compilation,
  type: GraphQLObjectType,
  { queries, subscriptions }: Pick<Model, 'queries' | 'subscriptions'>,
): Model['queries'] | null {
  if (type === schema.getQueryType()) return queries;
  return type === schema.getSubscriptionType() ? subscriptions : null;
}

function checkField(compilation: Compilation, type: GraphQLObjectType, field: AnyField): void {
  if (hasResolver(compilation, type.name, field.name)) return;
  const { allowed, where } = meaningful(compilation, type, field);
  const fix = allowed.length === 0 ? 'remove it' : `use @${allowed.join(' or @')}, or remove it`;
  for (const name of ON_FIELDS) {
    const directive = directiveOf(field, name);
    if (directive && !allowed.includes(name))
      compilation.problems.error(
        directive,
        `${type.name}.${field.name} is ${where}, where @${name} has no meaning; ${fix}`,
      );
  }
}

/** Only what shows or names values of its own row is in types that are made, and can be left out of them. */
function checkMade(compilation: Compilation, type: GraphQLObjectType, field: AnyField): void {
  const draft = compilation.drafts.get(type.name);
  const mapped = draft?.fields.get(field.name);
  // Of a field without a mapping a resolver says what it is, or its own problem has been told.
  if (draft && (!mapped || ['column', 'embedded', 'toOne'].includes(mapped.kind))) return;
  for (const name of ON_COLUMNS) {
    const directive = directiveOf(field, name);
    if (directive)
      compilation.problems.error(
        directive,
        `${type.name}.${field.name} is no column and no relation to one entity, so no type that is made has it, and @${name} has no meaning there; remove it`,
      );
  }
}

function meaningful(
  compilation: Compilation,
  type: GraphQLObjectType,
  field: AnyField,
): { allowed: readonly string[]; where: string } {
  const { schema, drafts, stubs } = compilation;
  if (type === schema.getQueryType()) return { allowed: ['list', 'count'], where: 'a field of Query' };
  if (type === schema.getSubscriptionType()) return { allowed: ['list', 'count'], where: 'a field of Subscription' };
  if (type === schema.getMutationType()) return { allowed: ['insert', 'update', 'delete'], where: 'a mutation' };
  const own = drafts.get(type.name) ?? stubs.get(type.name);
  const mapped = own?.fields.get(field.name);
  if (compilation.values.has(type.name))
    return {
      allowed: isObjectType(shapeOf(field.type).named) ? ['embedded', 'relation', 'column'] : ['column'],
      where: 'a part of a row',
    };
  if (!own) return { allowed: [], where: 'no field of an @entity' };
  if (stubs.get(type.name)?.plain.has(field.name)) return { allowed: [], where: 'a field that another subgraph owns' };
  // A field that could not be read has its own problem.
  if (!mapped) return { allowed: ON_FIELDS, where: '' };
  if (mapped.kind === 'column') return { allowed: ['column'], where: 'a column' };
  if (mapped.kind === 'embedded')
    return {
      allowed: stubs.has(mapped.target) ? ['relation', 'embedded'] : ['embedded'],
      where: 'an object of columns',
    };
  if (mapped.kind === 'count') return { allowed: ['count'], where: 'a count' };
  return { allowed: ['relation'], where: 'a relation' };
}

/** A resolver whose field is misspelt would never run. */
export function checkResolvers(compilation: Compilation): void {
  const { schema, problems, resolvers } = compilation;
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!type) {
      problems.error(
        { file: 'resolvers', line: 1 },
        `the resolvers name the type ${typeName}, which the schema does not have${didYouMean(typeName, Object.keys(schema.getTypeMap()))}`,
      );
    } else if (
      typeof fields === 'object' &&
      fields !== null &&
      !isScalarType(type) &&
      !isEnumType(type) &&
      'getFields' in type
    ) {
      for (const name of Object.keys(fields)) {
        if (HOOKS.has(name) || Object.hasOwn(type.getFields(), name)) continue;
        problems.error(
          { file: 'resolvers', line: 1 },
          `the resolvers have ${typeName}.${name}, which the schema does not${didYouMean(name, Object.keys(type.getFields()))}`,
        );
      }
    }
  }
}
