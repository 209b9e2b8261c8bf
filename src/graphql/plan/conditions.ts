/**
 * Owns the directives of a document: which variables decide whether fields are included, and whether there are
 * directives that plans do not support.
 */
import { Kind, visit, BREAK, type DirectiveNode, type DocumentNode, type OperationDefinitionNode } from 'graphql';

/**
 * The variables that decide which fields are included; null where the document has another directive (`@consistent`).
 */
type Deciding = ReadonlySet<string> | null;

const known = new WeakMap<DocumentNode, Deciding>();

function decidingOf(document: DocumentNode): Deciding {
  const found = known.get(document);
  if (found !== undefined) return found;
  const names = new Set<string>();
  let isForeign = false;
  visit(document, {
    Directive(node) {
      if (node.name.value !== 'skip' && node.name.value !== 'include') {
        isForeign = true;
        return BREAK;
      }
      const name = variableOf(node);
      if (name !== null) names.add(name);
      return undefined;
    },
  });
  const deciding = isForeign ? null : names;
  known.set(document, deciding);
  return deciding;
}

function variableOf({ arguments: given }: DirectiveNode): string | null {
  const condition = given?.find(({ name }) => name.value === 'if')?.value;
  return condition?.kind === Kind.VARIABLE ? condition.name.value : null;
}

/** The values of the variables used by `@skip` and `@include` in a request, and a text of them for keys. */
export interface Conditions {
  readonly variables: Readonly<Record<string, boolean>>;
  readonly text: string;
}

const NONE: Conditions = { variables: {}, text: '' };

/**
 * Null where no plan can be used: there is another directive, or a variable is not a boolean, which execution rejects.
 */
export function conditionsOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Conditions | null {
  const deciding = decidingOf(document);
  if (deciding === null) return null;
  if (deciding.size === 0) return NONE;
  const decided: Record<string, boolean> = Object.create(null) as Record<string, boolean>;
  let text = '';
  for (const {
    variable: {
      name: { value: name },
    },
  } of operation.variableDefinitions ?? []) {
    if (!deciding.has(name)) continue;
    const value = variables[name];
    if (typeof value !== 'boolean') return null;
    decided[name] = value;
    text += value ? '1' : '0';
  }
  return { variables: decided, text };
}
