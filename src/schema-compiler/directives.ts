/** Owns reading the arguments of Meridian's directives off the SDL. */
import {
  getNamedType,
  isListType,
  isNonNullType,
  valueFromASTUntyped,
  type ASTNode,
  type ConstDirectiveNode,
  type GraphQLNamedType,
  type GraphQLType,
} from 'graphql';

export interface RelationArguments {
  readonly from: readonly string[] | null;
  readonly to: readonly string[] | null;
  readonly where: string | null;
  readonly orderBy: readonly string[] | null;
  readonly limit: number | null;
  readonly node: ConstDirectiveNode;
}

/** Anything that may carry directives: a definition with its extensions. */
export interface Annotated {
  readonly astNode?: (ASTNode & { readonly directives?: readonly ConstDirectiveNode[] | undefined }) | null | undefined;
  readonly extensionASTNodes?:
    readonly { readonly directives?: readonly ConstDirectiveNode[] | undefined }[] | null | undefined;
}

export function directivesOf(element: Annotated, name: string): readonly ConstDirectiveNode[] {
  const nodes = [element.astNode, ...(element.extensionASTNodes ?? [])];
  return nodes.flatMap((node) => node?.directives ?? []).filter((directive) => directive.name.value === name);
}

export function directiveOf(element: Annotated, name: string): ConstDirectiveNode | null {
  return directivesOf(element, name)[0] ?? null;
}

/**
 * A directive's argument, or null if it is absent. An argument of the wrong type is reported with the document, and
 * counts as absent.
 */
function argumentOf(directive: ConstDirectiveNode, name: string): unknown {
  const node = directive.arguments?.find((argument) => argument.name.value === name);
  return node ? (valueFromASTUntyped(node.value) ?? null) : null;
}

export function textArgument(directive: ConstDirectiveNode | null, name: string): string | null {
  const value = directive ? argumentOf(directive, name) : null;
  return typeof value === 'string' ? value : null;
}

function numberArgument(directive: ConstDirectiveNode, name: string): number | null {
  const value = argumentOf(directive, name);
  return typeof value === 'number' ? value : null;
}

function namesArgument(directive: ConstDirectiveNode, name: string): readonly string[] | null {
  const value = argumentOf(directive, name);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : null;
}

/** `@column(name:)`. */
export function columnName(element: Annotated): string | null {
  return textArgument(directiveOf(element, 'column'), 'name');
}

/** The arguments of `@relation`, `@list` or `@count`; null for an argument that the directive does not have. */
export function relationArguments(directive: ConstDirectiveNode | null): RelationArguments | null {
  if (!directive) return null;
  return {
    from: namesArgument(directive, 'from'),
    to: namesArgument(directive, 'to'),
    where: textArgument(directive, 'where'),
    orderBy: namesArgument(directive, 'orderBy'),
    limit: numberArgument(directive, 'limit'),
    node: directive,
  };
}

export interface CachedArguments {
  readonly enabled: boolean;
  readonly ttlMs: number | null;
  readonly maxVariants: number | null;
  readonly node: ConstDirectiveNode;
}

/** The arguments of `@cached`. */
export function cachedArguments(directive: ConstDirectiveNode | null): CachedArguments | null {
  if (!directive) return null;
  return {
    enabled: argumentOf(directive, 'enabled') !== false,
    ttlMs: numberArgument(directive, 'ttlMs'),
    maxVariants: numberArgument(directive, 'maxVariants'),
    node: directive,
  };
}

/** `@key(resolvable: false)` marks an object that another subgraph resolves. */
export function isResolvable(key: ConstDirectiveNode): boolean {
  return argumentOf(key, 'resolvable') !== false;
}

/** A type's name, and its wrappers. */
export interface Shape {
  readonly named: GraphQLNamedType;
  readonly nonNull: boolean;
  /** The number of lists around the name: 0, 1, or more (which no column or relation has). */
  readonly lists: number;
}

export function shapeOf(type: GraphQLType): Shape {
  let lists = 0;
  let inner = type;
  while (isListType(inner) || isNonNullType(inner)) {
    if (isListType(inner)) lists += 1;
    inner = inner.ofType as GraphQLType;
  }
  return { named: getNamedType(type), nonNull: isNonNullType(type), lists };
}
