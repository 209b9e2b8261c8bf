/**
 * Owns making the types that the SDL names and nobody defines, where name and place say what they are of. They follow from
 * the SDL alone, are joined with what `extend` says of them, and are part of the graph like any other.
 */
import {
  Kind,
  isTypeExtensionNode,
  parse,
  print,
  visit,
  type ASTNode,
  type DefinitionNode,
  type Location,
  type TypeExtensionNode,
} from 'graphql';
import { type Federation } from '../federation.ts';
import { type Problems } from '../problems.ts';
import { makeOne, type Maker } from './makers.ts';
import { madeName, MADE_TYPES } from './names.ts';
import { type MadeType } from './parts.ts';
import { definedTypes, placesOf } from './places.ts';
import { sketchEntities } from './sketch.ts';

export interface MakeTypesInput {
  /** The author's definitions. */
  readonly own: readonly DefinitionNode[];
  readonly builtIn: readonly DefinitionNode[];
  readonly federation: Federation;
  readonly problems: Problems;
}

export interface MadeTypes {
  readonly definitions: readonly DefinitionNode[];
  /** Why a name that nobody defines is not made, for messages; null where nothing is to be said of that. */
  whyNot(name: string): string | null;
}

export function makeTypes(input: MakeTypesInput): MadeTypes {
  const { own, builtIn } = input;
  const maker: Maker = { own, entities: sketchEntities(input), problems: input.problems };
  const defined = new Set(definedTypes([...own, ...builtIn]));
  const made: DefinitionNode[] = [];
  const reasons = new Map<string, string>();
  // What is made may name what is made in its turn: a connection its edges.
  for (let news = own; news.length > 0;) {
    const places = Map.groupBy(
      placesOf(news).filter(({ name }) => !defined.has(name)),
      ({ name }) => name,
    );
    news = [...places].flatMap(([name, found]): readonly DefinitionNode[] => {
      defined.add(name);
      const type = makeOne(maker, name, found);
      if (typeof type === 'string') reasons.set(name, type);
      return typeof type === 'object' && type !== null
        ? [nodeOf(input, name, { type, at: found[0]?.node ?? null })]
        : [];
    });
    made.push(...news);
  }
  return {
    definitions: made,
    whyNot: (name) => reasons.get(name) ?? (isAlmost(maker, name) ? MADE_TYPES : null),
  };
}

/** Whether a name that ends like none of those that are made looks as if it were meant to be. */
function isAlmost({ entities }: Maker, name: string): boolean {
  return madeName(name) !== null || [...entities.keys()].some((entity) => name.startsWith(entity));
}

/** The definition, without what an extension gives otherwise; where it goes wrong, the place that names it is shown. */
function nodeOf(
  { own, federation, problems }: MakeTypesInput,
  name: string,
  { type, at }: { type: MadeType; at: ASTNode | null },
): DefinitionNode {
  const given = new Set(
    own
      .filter(isTypeExtensionNode)
      .filter((node) => node.name.value === name)
      .flatMap(namesIn),
  );
  const fields = type.fields.filter((field) => !given.has(field.name));
  const separator = type.keyword === 'enum' ? '' : ': ';
  const body = fields.map(
    ({ name: field, rest, description }) => `${described(description)}${field}${separator}${rest}`,
  );
  const text = [
    described(type.description),
    `${type.keyword} ${name}${type.isShareable ? ` @${federation.localName('shareable')}` : ''}`,
    body.length === 0 ? '' : ` {\n${body.join('\n')}\n}`,
  ].join('');
  const node = parse(text, { noLocation: true }).definitions[0] as DefinitionNode;
  const located = placed(node, at?.loc);
  const parts = 'fields' in located ? (located.fields ?? []) : 'values' in located ? (located.values ?? []) : [];
  const hints = new Map(fields.map((field) => [field.name, field.hint]));
  for (const part of parts) {
    const hint = hints.get(part.name.value);
    if (hint !== undefined) problems.explain(part, hint);
  }
  return located;
}

function namesIn(node: TypeExtensionNode): readonly string[] {
  const parts = 'fields' in node ? (node.fields ?? []) : 'values' in node ? (node.values ?? []) : [];
  return parts.map((part) => part.name.value);
}

function described(text: string | undefined): string {
  return text === undefined ? '' : `${print({ kind: Kind.STRING, value: text, block: true })}\n`;
}

function placed<N extends ASTNode>(node: N, loc: Location | undefined): N {
  return loc === undefined ? node : visit(node, { leave: (part) => ({ ...part, loc }) });
}
