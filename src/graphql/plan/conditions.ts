/**
 * Owns what a document's directives mean for plans: which variables decide about fields, and whether there is a
 * directive that no plan knows.
 */
import { Kind, visit, BREAK, type DirectiveNode, type DocumentNode, type OperationDefinitionNode } from 'graphql';

/** Variables that decide which fields are there; null where a directive says more than that (`@consistent`). */
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

/** What `@skip` and `@include` go by in a request, and its text. */
export interface Conditions {
  readonly variables: Readonly<Record<string, boolean>>;
  readonly text: string;
}

const NONE: Conditions = { variables: {}, text: '' };

/** Null where no plan can tell: a directive says more, or a variable is no boolean, which execution refuses. */
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
