/** Owns how the author has imported federation: the local name of each of its directives. */
import {
  Kind,
  parse,
  type ConstDirectiveNode,
  type ConstValueNode,
  type DefinitionNode,
  type DocumentNode,
} from 'graphql';

const FEDERATION_URL = 'https://specs.apollo.dev/federation/';

/** Federation's own directives, for validation only: the subgraph library defines the real ones. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  key: '(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE',
  shareable: 'repeatable on OBJECT | FIELD_DEFINITION',
  external: '(reason: String) on OBJECT | FIELD_DEFINITION',
  requires: '(fields: String!) on FIELD_DEFINITION',
  provides: '(fields: String!) on FIELD_DEFINITION',
  extends: 'on OBJECT | INTERFACE',
  override: '(from: String!, label: String) on FIELD_DEFINITION',
  interfaceObject: 'on OBJECT',
  composeDirective: '(name: String!) repeatable on SCHEMA',
  inaccessible:
    'on OBJECT | FIELD_DEFINITION | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION',
  tag: '(name: String!) repeatable on SCHEMA | OBJECT | FIELD_DEFINITION | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION',
  authenticated: 'on OBJECT | FIELD_DEFINITION | INTERFACE | SCALAR | ENUM',
  requiresScopes: '(scopes: [[String!]!]!) on OBJECT | FIELD_DEFINITION | INTERFACE | SCALAR | ENUM',
  context: '(name: String!) repeatable on INTERFACE | OBJECT | UNION',
  fromContext: '(field: String) on ARGUMENT_DEFINITION',
  cost: '(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR',
  listSize:
    '(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION',
  policy: '(policies: [[String!]!]!) on OBJECT | FIELD_DEFINITION | INTERFACE | SCALAR | ENUM',
};

const LINK = `
  scalar link__Import
  enum link__Purpose { SECURITY EXECUTION }
  directive @link(url: String!, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA`;

/** What Meridian imports for a schema that has no `@link` of its own. */
const DEFAULT_LINK = `extend schema @link(url: "${FEDERATION_URL}v2.9", import: [${Object.keys(DIRECTIVES)
  .map((name) => `"@${name}"`)
  .join(', ')}])`;

export interface Federation {
  /** Name of a federation directive in this schema, without `@`: `key`, or `federation__key` if it is not imported. */
  localName(directive: string): string;
  /**
   * Names that the `@link` to federation imports: the subgraph library defines them, including newer ones than in the
   * list above. A directive of any other specification must be defined by the schema.
   */
  readonly imported: ReadonlySet<string>;
  /** `extend schema @link(…)` to add, for schemas without one. */
  readonly link: DocumentNode | null;
  /** Definitions under which the schema can be validated. */
  stubs(): DocumentNode;
}

/** Reads the schema's `@link`s. */
export function readFederation(definitions: readonly DefinitionNode[]): Federation {
  const [federation] = federationLinks(definitions);
  const names = new Map(federation ? importsOf(federation) : []);
  const imported = new Set(names.values());
  // The subgraph library uses this prefix for what is not imported, whatever `as` says.
  const localName = (directive: string): string =>
    names.get(directive) ?? (federation ? `federation__${directive}` : directive);
  const stubs = (): DocumentNode =>
    parse(
      [
        LINK,
        ...Object.entries(DIRECTIVES).map(
          ([name, rest]) => `directive @${localName(name)}${rest.startsWith('(') ? '' : ' '}${rest}`,
        ),
      ].join('\n'),
      { noLocation: true },
    );
  return { localName, imported, link: federation ? null : parse(DEFAULT_LINK, { noLocation: true }), stubs };
}

/** The `@link`s to federation itself; there may be one. */
export function federationLinks(definitions: readonly DefinitionNode[]): readonly ConstDirectiveNode[] {
  return schemaDirectives(definitions, 'link').filter((link) =>
    textOf(argument(link, 'url'))?.startsWith(FEDERATION_URL),
  );
}

/** Uses of a directive on the schema itself. */
export function schemaDirectives(definitions: readonly DefinitionNode[], name: string): readonly ConstDirectiveNode[] {
  const all = definitions.flatMap((node) =>
    node.kind === Kind.SCHEMA_DEFINITION || node.kind === Kind.SCHEMA_EXTENSION ? (node.directives ?? []) : [],
  );
  return all.filter((directive) => directive.name.value === name);
}

/** Imported directives of one `@link`: the name in the specification and the local name, both without `@`. */
export function importsOf(link: ConstDirectiveNode): [string, string][] {
  const imports = argument(link, 'import');
  if (imports?.kind !== Kind.LIST) return [];
  return imports.values.flatMap((entry): [string, string][] => {
    if (entry.kind === Kind.STRING) return [[bare(entry.value), bare(entry.value)]];
    if (entry.kind !== Kind.OBJECT) return [];
    const field = (name: string): string | null =>
      textOf(entry.fields.find((candidate) => candidate.name.value === name)?.value);
    const name = field('name');
    return name === null ? [] : [[bare(name), bare(field('as') ?? name)]];
  });
}

export function argument(directive: ConstDirectiveNode, name: string): ConstValueNode | undefined {
  return directive.arguments?.find((candidate) => candidate.name.value === name)?.value;
}

export function textOf(value: ConstValueNode | undefined): string | null {
  return value?.kind === Kind.STRING ? value.value : null;
}

function bare(name: string): string {
  return name.replace(/^@/, '');
}
