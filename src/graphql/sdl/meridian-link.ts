/** Owns `@link`s to Meridian's own directives, by which a schema has them composed into the supergraph: names, version and use are checked. */
import { Kind, type DefinitionNode } from 'graphql';
import { didYouMean } from '../../model/names.ts';
import { argument, importsOf, schemaDirectives, textOf, type Federation } from './federation.ts';
import { type Problems } from './problems.ts';

/** Only names the specification: nothing is ever fetched from it, and any other host does as well. */
export const MERIDIAN_URL = 'https://meridian.example/meridian/v1.0';

const OWN_URL = /\/meridian\/(v\d+\.\d+)\/?$/;
const VERSION = 'v1.0';

export interface LinkedDocument {
  /** The author's definitions. */
  readonly own: readonly DefinitionNode[];
  readonly builtIn: readonly DefinitionNode[];
  readonly federation: Federation;
}

/** Composers take `@composeDirective` only for what a `@link` imports, and say so long after the schema was written. */
export function checkMeridianLinks({ own, builtIn, federation }: LinkedDocument, problems: Problems): void {
  const onTypes = new Map(builtIn.flatMap((node) => (node.kind === Kind.DIRECTIVE_DEFINITION ? [[node.name.value, node.locations.some(({ value }) => value === 'OBJECT' || value === 'FIELD_DEFINITION')] as const] : [])));
  const imported = new Set<string>();
  for (const link of schemaDirectives(own, 'link')) {
    const version = OWN_URL.exec(textOf(argument(link, 'url')) ?? '')?.[1];
    if (version === undefined) continue;
    if (version !== VERSION) problems.error(link, `this @link asks for ${version} of Meridian's directives, and this is ${VERSION}; use url: "${MERIDIAN_URL}"`);
    for (const [name, alias] of importsOf(link)) {
      imported.add(name);
      if (!onTypes.has(name)) problems.error(link, `this @link imports "@${name}", which is no directive of Meridian's${didYouMean(name, onTypes.keys())}`);
      else if (alias !== name) problems.error(link, `this @link imports "@${name}" as "@${alias}"; Meridian's directives go by their own names, so leave out "as"`);
    }
  }
  for (const composed of schemaDirectives(own, federation.localName('composeDirective'))) {
    const name = textOf(argument(composed, 'name'))?.replace(/^@/, '') ?? '';
    const isOnTypes = onTypes.get(name);
    if (isOnTypes === false) problems.error(composed, `@composeDirective cannot take "@${name}", which stands on operations; composition keeps it by itself where every subgraph defines it`);
    else if (isOnTypes && !imported.has(name)) problems.error(composed, `@composeDirective takes only what a @link imports; add @link(url: "${MERIDIAN_URL}", import: ["@${name}"])`);
  }
}
