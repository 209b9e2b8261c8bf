/**
 * Owns what a client's operation asks for at a gateway: the levels of its `@consistent`, and which fields it mutates.
 * Uses only the operation's text.
 */
import {
  Kind,
  OperationTypeNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { type AskedLevel } from '../consistency/level-text.ts';
import { CONSISTENCY_LEVELS, type ConsistencyLevel } from '../consistency/requirement.ts';
import { compareStrength } from '../consistency/strength.ts';

export interface ClientOperation {
  /**
   * Response keys of the root fields of a mutation, in order, including skipped ones, which some planners send all the
   * same; null for everything else.
   */
  readonly mutates: readonly string[] | null;
  /** The operation's own `@consistent`; null without one. */
  readonly level: AskedLevel | null;
  /** The strongest level that a field asks for; null if none does. */
  readonly fieldLevel: AskedLevel | null;
}

export interface ClientRequest {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Null if the document has no operation of that name; execution reports it. */
export function readOperation({ document, operationName, variables }: ClientRequest): ClientOperation | null {
  const operations = document.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const operation =
    operationName === null ? operations[0] : operations.find(({ name }) => name?.value === operationName);
  if (operation === undefined) return null;
  const values = valuesOf(operation, variables);
  const fragments = new Map(
    document.definitions
      .filter((definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  const walk = new Walk(fragments, values);
  const fieldLevel = walk
    .fields(operation.selectionSet)
    .map((field) => levelOf(field.directives, values))
    .reduce(strongerAsked, null);
  const roots = operation.operation === OperationTypeNode.MUTATION ? walk.roots(operation.selectionSet) : null;
  return { mutates: roots, level: levelOf(operation.directives, values), fieldLevel };
}

/** Response keys that a gateway's own document mutates; null if it reads. */
export function mutatedBy(document: DocumentNode): readonly string[] | null {
  return readOperation({ document, operationName: null, variables: {} })?.mutates ?? null;
}

/** Whether a gateway's own document looks up entities, which are not root fields of the client's operation. */
export function looksUpEntities(document: DocumentNode): boolean {
  return document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.selectionSet.selections.some(
        (selection) => selection.kind === Kind.FIELD && selection.name.value === '_entities',
      ),
  );
}

/**
 * The level that satisfies both. A `@consistent` without a level may mean SESSION or STRONG; only a subgraph knows
 * which.
 */
export function strongerAsked(a: AskedLevel | null, b: AskedLevel | null): AskedLevel | null {
  if (a === null || b === null) return a ?? b;
  if (a.level === 'BOUNDED' && b.level === 'BOUNDED')
    return (b.maxLagMs ?? Infinity) < (a.maxLagMs ?? Infinity) ? b : a;
  if ((a.level === null && b.level === 'BOUNDED') || (a.level === 'BOUNDED' && b.level === null))
    return { level: 'STRONG', maxLagMs: null };
  if (a.level === null) return isAboveSession(b.level) ? b : a;
  if (b.level === null) return isAboveSession(a.level) ? a : b;
  return compareStrength(b.level, a.level) > 0 ? b : a;
}

function isAboveSession(level: ConsistencyLevel | null): boolean {
  return level !== null && compareStrength(level, 'SESSION') > 0;
}

type Values = ReadonlyMap<string, unknown>;

function valuesOf(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Values {
  return new Map(
    variableDefinitions.map(({ variable, defaultValue }) => {
      const name = variable.name.value;
      return [
        name,
        Object.hasOwn(given, name) && given[name] !== undefined
          ? given[name]
          : defaultValue && plain(defaultValue, new Map()),
      ];
    }),
  );
}

/** Only enums, numbers and booleans are read. */
function plain(node: ValueNode, values: Values): unknown {
  switch (node.kind) {
    case Kind.VARIABLE:
      return values.get(node.name.value);
    case Kind.ENUM:
    case Kind.BOOLEAN:
    case Kind.STRING:
      return node.value;
    case Kind.INT:
      return Number(node.value);
    default:
      return undefined;
  }
}

/** Invalid arguments are refused by validation or by the subgraph; here the directive is ignored. */
function levelOf(directives: readonly DirectiveNode[] | undefined, values: Values): AskedLevel | null {
  const directive = directives?.find(({ name }) => name.value === 'consistent');
  if (directive === undefined) return null;
  const argument = (name: string): unknown => {
    const found = directive.arguments?.find((one) => one.name.value === name);
    return found && plain(found.value, values);
  };
  const maxLagMs = argument('maxLagMs');
  return {
    level: CONSISTENCY_LEVELS.find((level) => level === argument('level')) ?? null,
    maxLagMs: typeof maxLagMs === 'number' && Number.isInteger(maxLagMs) && maxLagMs >= 0 ? maxLagMs : null,
  };
}

class Walk {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #values: Values;

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>, values: Values) {
    this.#fragments = fragments;
    this.#values = values;
  }

  /** Every field once, however often its fragment is spread. */
  fields(from: SelectionSetNode): FieldNode[] {
    return this.#collect(from, { below: true, all: false });
  }

  roots(from: SelectionSetNode): string[] {
    const keys = this.#collect(from, { below: false, all: true })
      .filter(({ name }) => !name.value.startsWith('__'))
      .map(({ alias, name }) => (alias ?? name).value);
    return [...new Set(keys)];
  }

  #collect(from: SelectionSetNode, { below, all }: { readonly below: boolean; readonly all: boolean }): FieldNode[] {
    const fields: FieldNode[] = [];
    const spread = new Set<string>();
    const follow = ({ selections }: SelectionSetNode): void => {
      for (const node of selections) {
        if (!all && !this.#isIncluded(node)) continue;
        if (node.kind === Kind.FIELD) {
          fields.push(node);
          if (below && node.selectionSet) follow(node.selectionSet);
        } else if (node.kind === Kind.INLINE_FRAGMENT) follow(node.selectionSet);
        else if (!spread.has(node.name.value)) {
          spread.add(node.name.value);
          const fragment = this.#fragments.get(node.name.value);
          if (fragment) follow(fragment.selectionSet);
        }
      }
    };
    follow(from);
    return fields;
  }

  #isIncluded({ directives = [] }: SelectionNode): boolean {
    const condition = (name: string): unknown => {
      const node = directives
        .find((directive) => directive.name.value === name)
        ?.arguments?.find((argument) => argument.name.value === 'if');
      return node && plain(node.value, this.#values);
    };
    return condition('skip') !== true && condition('include') !== false;
  }
}
