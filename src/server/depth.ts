/** Owns the depth limit: a validation rule that rejects operations whose selections nest too deep. */
import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { MeridianError } from '../base/errors.ts';

/** Introspection fields do not count; GraphQL's standard rules limit them. */
export function depthLimit(maxDepth: number): ValidationRule {
  return (context: ValidationContext): ASTVisitor => {
    // Each fragment is measured once, so that repeated spreads cost nothing.
    const fragments = new Map<string, number>();
    const fragmentDepth = (name: string): number => {
      const known = fragments.get(name);
      if (known !== undefined) return known;
      // Set while the fragment is being measured, so that a cycle ends here; another rule rejects cycles.
      fragments.set(name, 0);
      const fragment = context.getFragment(name);
      const measured = fragment ? depth(fragment.selectionSet) : 0;
      fragments.set(name, measured);
      return measured;
    };
    const depth = (selections: SelectionSetNode): number => {
      let deepest = 0;
      for (const node of selections.selections) {
        if (node.kind === Kind.FRAGMENT_SPREAD) deepest = Math.max(deepest, fragmentDepth(node.name.value));
        else if (node.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depth(node.selectionSet));
        else if (!node.name.value.startsWith('__'))
          deepest = Math.max(deepest, 1 + (node.selectionSet ? depth(node.selectionSet) : 0));
      }
      return deepest;
    };
    return {
      OperationDefinition(node) {
        const found = depth(node.selectionSet);
        if (found > maxDepth) context.reportError(tooDeep(node, found, maxDepth));
        return false;
      },
    };
  };
}

function tooDeep(node: OperationDefinitionNode, found: number, limit: number): GraphQLError {
  const message = `The operation is ${found} fields deep and the limit is ${limit}; ask for less at once, or raise maxQueryDepth.`;
  return new GraphQLError(message, {
    nodes: [node],
    originalError: new MeridianError({ code: 'BAD_USER_INPUT', message }),
  });
}
