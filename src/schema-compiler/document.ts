/**
 * Owns turning SDL files into one valid document: parsed, extended by Meridian's definitions, and validated as GraphQL.
 */
import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  buildASTSchema,
  getNamedType,
  GraphQLError,
  isEnumType,
  isTypeDefinitionNode,
  isTypeExtensionNode,
  Kind,
  parse,
  print,
  Source,
  validateSchema,
  valueFromAST,
  visit,
  type DefinitionNode,
  type DirectiveNode,
  type DocumentNode,
  type GraphQLSchema,
  type TypeDefinitionNode,
} from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import { messageOf } from '../base/errors.ts';
import { ADMIN_FIELDS, checkDirectives, namedDefinitions, type AdminFields } from './admin-fields.ts';
import { federationLinks, readFederation, type Federation } from './federation.ts';
import { builtInDefinitions, type SdlFile } from './files.ts';
import { makeTypes } from './made/make.ts';
import { checkMeridianLinks } from './meridian-link.ts';
import { type Problems } from './problems.ts';

export interface SchemaDocument {
  /** What a subgraph serves: the author's definitions and those of Meridian's that they use. */
  readonly typeDefs: DocumentNode;
  /** Those of them that nobody has written. */
  readonly made: readonly DefinitionNode[];
  readonly schema: GraphQLSchema;
  readonly federation: Federation;
}

/**
 * Parses and joins the files. Throws `SCHEMA_INVALID` with every syntax error, or with every violation of GraphQL's
 * rules if no usable schema is left; errors that can be reported together with later ones are added to `problems`.
 */
export function readDocument(
  files: readonly SdlFile[],
  problems: Problems,
  fields: AdminFields = ADMIN_FIELDS,
): SchemaDocument {
  const own = files.flatMap((file) => parseFile(file, problems));
  problems.throwErrors();
  const federation = readFederation(own);
  const shipped = builtInDefinitions();
  checkDirectives(shipped, own, problems);
  const builtIn = namedDefinitions({ builtIn: shipped, own, fields, problems });
  checkMeridianLinks({ own, builtIn, federation }, problems);
  const made = makeTypes({ own, builtIn, federation, problems });
  const written = [...own, ...made.definitions];
  const definitions = defineOrphans([...written, ...usedBuiltIns(written, builtIn, federation)], federation);
  const typeDefs: DocumentNode = { kind: Kind.DOCUMENT, definitions };
  const checked: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [...definitions, ...missingStubs(definitions, federation)],
  };
  const breaches = validateSDL(checked).filter((error) => !isImportedDirective(error, checked, federation));
  for (const error of breaches) {
    const [, unknown] = /^Unknown type "(\w+)"/.exec(error.message) ?? [];
    problems.graphqlError(error, (unknown === undefined ? null : made.whyNot(unknown)) ?? 'correct the SDL there');
  }
  if (!breaches.every(leavesSchema)) problems.throwErrors();
  const schema = buildASTSchema(checked, { assumeValidSDL: true });
  checkArguments(own, schema, problems);
  for (const error of validateSchema(schema)) problems.graphqlError(error, 'correct the SDL there');
  // It would only repeat an error that is already reported.
  if (!problems.hasErrors) checkLinks(own, typeDefs, problems);
  return { typeDefs, made: made.definitions, schema, federation };
}

/**
 * Whether the schema has a clear meaning despite the error. An unknown type or directive, or a duplicate, could mean
 * anything.
 */
function leavesSchema({ message }: GraphQLError): boolean {
  return /^(Unknown argument |Directive "@\w+" argument |There can be only one argument )/.test(message);
}

/**
 * GraphQL's rules for schemas check which arguments a directive must have, but not their values. Enum values are
 * reported together with the valid ones, where they are read.
 */
function checkArguments(own: readonly DefinitionNode[], schema: GraphQLSchema, problems: Problems): void {
  const check = (directive: DirectiveNode): void => {
    const defined = schema.getDirective(directive.name.value)?.args ?? [];
    for (const given of directive.arguments ?? []) {
      const type = defined.find(({ name }) => name === given.name.value)?.type;
      if (!type || isEnumType(getNamedType(type)) || valueFromAST(given.value, type) !== undefined) continue;
      problems.error(
        given,
        `@${directive.name.value}(${given.name.value}: ${print(given.value)}) must be ${String(type)}; correct the SDL there`,
      );
      problems.tellNoMoreOf(directive);
    }
  };
  for (const node of own) visit(node, { Directive: check });
}

/** The subgraph library knows the versions of federation and their contents; its errors have no place in the SDL. */
function checkLinks(own: readonly DefinitionNode[], typeDefs: DocumentNode, problems: Problems): void {
  const [link, ...further] = federationLinks(own);
  for (const second of further)
    problems.error(second, 'this @link brings federation in once more; keep one, with all that is imported');
  if (further.length > 0) return;
  try {
    buildSubgraphSchema(typeDefs);
  } catch (error) {
    problems.error(
      link,
      `the schema is no subgraph of federation's: ${messageOf(error).replace(/\.$/, '').replaceAll('\n', ' ')}; correct the SDL there`,
    );
  }
}

function parseFile(file: SdlFile, problems: Problems): readonly DefinitionNode[] {
  try {
    const { definitions } = parse(new Source(file.body, file.name));
    for (const node of definitions) {
      if (node.kind === Kind.OPERATION_DEFINITION || node.kind === Kind.FRAGMENT_DEFINITION)
        problems.error(node, 'this is an operation, not a part of a schema; keep operations out of the schema folder');
    }
    return definitions;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    // An empty file is no error: it may yet be written.
    if (/^\s*(#[^\n]*\s*)*$/.test(file.body)) return [];
    problems.graphqlError(error, 'correct the SDL there');
    return [];
  }
}

/** Meridian's definitions, without those that the author has defined and without unused types. */
function usedBuiltIns(
  own: readonly DefinitionNode[],
  added: readonly DefinitionNode[],
  federation: Federation,
): DefinitionNode[] {
  const taken = new Set(own.map(definedName));
  const builtIn = added.filter((node) => !isDefinedIn(taken, node));
  const types = new Map(builtIn.filter(isTypeDefinitionNode).map((node) => [node.name.value, node]));
  const used = new Set<string>();
  const follow = (node: DefinitionNode): void => {
    visit(node, {
      NamedType({ name: { value: name } }) {
        const type = types.get(name);
        if (!type || used.has(name)) return;
        used.add(name);
        follow(type);
      },
    });
  };
  for (const node of [...own, ...builtIn.filter((candidate) => !isTypeDefinitionNode(candidate))]) follow(node);
  const kept = builtIn.filter((node) => !isTypeDefinitionNode(node) || used.has(node.name.value));
  const shareable = federation.localName('shareable');
  const renamed = kept.map((node) =>
    visit(node, {
      Directive: (directive: DirectiveNode) =>
        directive.name.value === 'shareable'
          ? { ...directive, name: { ...directive.name, value: shareable } }
          : undefined,
    }),
  );
  return [...(federation.link?.definitions ?? []), ...renamed];
}

/**
 * `extend type Query` without a `type Query` is usual in subgraphs: the first extension becomes the definition. If it
 * has a key, composers must know that it was an extension: an external key field of an extended type exists, and one of
 * a defined type does not.
 */
function defineOrphans(definitions: readonly DefinitionNode[], federation: Federation): DefinitionNode[] {
  const [key, extended] = [federation.localName('key'), federation.localName('extends')];
  const defined = new Set(definitions.filter(isTypeDefinitionNode).map((node) => node.name.value));
  return definitions.map((node) => {
    if (!isTypeExtensionNode(node) || defined.has(node.name.value)) return node;
    defined.add(node.name.value);
    const given = node.directives ?? [];
    const isKeyed = given.some(({ name }) => name.value === key) && !given.some(({ name }) => name.value === extended);
    const directives = isKeyed
      ? [...given, { kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: extended } }]
      : given;
    return { ...node, kind: node.kind.replace('Extension', 'Definition'), directives } as TypeDefinitionNode;
  });
}

/** Federation's definitions, except those that the author has written out. */
function missingStubs(definitions: readonly DefinitionNode[], federation: Federation): DefinitionNode[] {
  const taken = new Set(definitions.map(definedName));
  return federation.stubs().definitions.filter((node) => !isDefinedIn(taken, node));
}

function isImportedDirective(error: GraphQLError, document: DocumentNode, federation: Federation): boolean {
  const node = error.nodes?.[0];
  if (node?.kind !== Kind.DIRECTIVE || !federation.imported.has(node.name.value)) return false;
  const defined = document.definitions.some(
    (definition) => definition.kind === Kind.DIRECTIVE_DEFINITION && definition.name.value === node.name.value,
  );
  return !defined && error.message.startsWith('Unknown directive');
}

/** Types and directives have separate names; extensions and the schema have none that could conflict. */
function definedName(node: DefinitionNode): string | null {
  if (isTypeDefinitionNode(node)) return node.name.value;
  return node.kind === Kind.DIRECTIVE_DEFINITION ? `@${node.name.value}` : null;
}

function isDefinedIn(taken: ReadonlySet<string | null>, node: DefinitionNode): boolean {
  const name = definedName(node);
  return name !== null && taken.has(name);
}
