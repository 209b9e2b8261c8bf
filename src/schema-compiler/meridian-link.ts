/**
 * Owns `@link`s to Meridian's directives, with which a schema has them composed into the supergraph: names, version and
 * use are checked.
 */
import { DirectiveLocation, Kind, type DefinitionNode, type DirectiveDefinitionNode } from 'graphql';
import { didYouMean } from '../model/names.ts';
import { argument, importsOf, schemaDirectives, textOf, type Federation } from './federation.ts';
import { type Problems } from './problems.ts';

/** Only identifies the specification: nothing is fetched from it, and any other host is accepted. */
export const MERIDIAN_URL = 'https://meridian.example/meridian/v1.0';

const OWN_URL = /\/meridian\/(v\d+\.\d+)\/?$/;
const VERSION = 'v1.0';

export interface LinkedDocument {
  /** The author's definitions. */
  readonly own: readonly DefinitionNode[];
  readonly builtIn: readonly DefinitionNode[];
  readonly federation: Federation;
}

const ON_OPERATIONS: ReadonlySet<string> = new Set([
  DirectiveLocation.QUERY,
  DirectiveLocation.MUTATION,
  DirectiveLocation.FIELD,
]);

/** Whether it defines a directive for schemas; the other directives are used in operations. */
export function isForSchemas(node: DefinitionNode): node is DirectiveDefinitionNode {
  return node.kind === Kind.DIRECTIVE_DEFINITION && !node.locations.some(({ value }) => ON_OPERATIONS.has(value));
}

/** Names, without `@`, of the directives that the schema imports from Meridian's specification. */
export function linkedDirectives(definitions: readonly DefinitionNode[]): ReadonlySet<string> {
  const links = schemaDirectives(definitions, 'link').filter((link) =>
    OWN_URL.test(textOf(argument(link, 'url')) ?? ''),
  );
  return new Set(links.flatMap(importsOf).map(([name]) => name));
}

/** Composers accept `@composeDirective` only for what a `@link` imports, and report it much later. */
export function checkMeridianLinks({ own, builtIn, federation }: LinkedDocument, problems: Problems): void {
  const forSchemas = new Map(
    builtIn.flatMap((node) =>
      node.kind === Kind.DIRECTIVE_DEFINITION ? [[node.name.value, isForSchemas(node)] as const] : [],
    ),
  );
  const imported = linkedDirectives(own);
  for (const link of schemaDirectives(own, 'link')) {
    const version = OWN_URL.exec(textOf(argument(link, 'url')) ?? '')?.[1];
    if (version === undefined) continue;
    if (version !== VERSION)
      problems.error(
        link,
        `this @link asks for ${version} of Meridian's directives, and this is ${VERSION}; use url: "${MERIDIAN_URL}"`,
      );
    for (const [name, alias] of importsOf(link)) {
      if (!forSchemas.has(name))
        problems.error(
          link,
          `this @link imports "@${name}", which is no directive of Meridian's${didYouMean(name, forSchemas.keys())}`,
        );
      else if (alias !== name)
        problems.error(
          link,
          `this @link imports "@${name}" as "@${alias}"; Meridian's directives go by their own names, so leave out "as"`,
        );
    }
  }
  for (const composed of schemaDirectives(own, federation.localName('composeDirective'))) {
    const name = textOf(argument(composed, 'name'))?.replace(/^@/, '') ?? '';
    const known = forSchemas.get(name);
    if (known === false)
      problems.error(
        composed,
        `@composeDirective cannot take "@${name}", which stands on operations; composition keeps it by itself where every subgraph defines it`,
      );
    else if (known && !imported.has(name))
      problems.error(
        composed,
        `@composeDirective takes only what a @link imports; add @link(url: "${MERIDIAN_URL}", import: ["@${name}"])`,
      );
  }
}
