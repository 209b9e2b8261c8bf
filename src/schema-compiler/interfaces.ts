/**
 * Owns entity interfaces: interfaces with a `@key`, whose references are found among the entities that implement them.
 */
import { isInterfaceType, type ConstDirectiveNode, type GraphQLInterfaceType } from 'graphql';
import { type EntityInterface } from '../model/model.ts';
import { hasResolver, type Compilation } from './context.ts';
import { directivesOf, isResolvable, textArgument } from './directives.ts';
import { pathText, requireFieldSet } from './field-sets.ts';

/**
 * Reads every interface with a resolvable `@key`, once the keys of entities are known. Those with a
 * `__resolveReference` are skipped.
 */
export function readInterfaces(compilation: Compilation): ReadonlyMap<string, EntityInterface> {
  const { schema, federation } = compilation;
  const interfaces = new Map<string, EntityInterface>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isInterfaceType(type) || hasResolver(compilation, type.name, '__resolveReference')) continue;
    const keys = directivesOf(type, federation.localName('key'))
      .filter(isResolvable)
      .map((key) => readKey(compilation, type, key));
    const implementations = schema.getImplementations(type).objects.map(({ name }) => name);
    const sound = keys.filter((key) => key !== null);
    if (sound.length > 0) interfaces.set(type.name, { name: type.name, keys: sound, implementations });
  }
  return interfaces;
}

function readKey(
  compilation: Compilation,
  type: GraphQLInterfaceType,
  key: ConstDirectiveNode,
): readonly string[] | null {
  const { problems, drafts, schema } = compilation;
  const text = `@key(fields: "${textArgument(key, 'fields') ?? ''}")`;
  const paths = requireFieldSet({ problems, type, directive: key, place: `${text} of ${type.name}` })?.map(pathText);
  if (!paths) return null;
  for (const { name, astNode } of schema.getImplementations(type).objects) {
    const draft = drafts.get(name);
    const has = draft?.federationKeys.some((own) => sameAs(own.paths.map(pathText), paths));
    if (has) continue;
    const lack = draft ? `has no ${text} of its own that could be resolved here` : 'is no @entity';
    problems.error(
      astNode,
      `${name} ${lack}, so that nobody can find which ${type.name} a reference means; ${draft ? `give it ${text}` : `map ${name} with @entity`}, or write a __resolveReference for ${type.name}`,
    );
  }
  return paths;
}

function sameAs(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((path) => right.includes(path));
}
