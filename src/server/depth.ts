/** Owns the depth limit: a validation rule that refuses operations whose selections nest deeper than allowed. */
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

/** Introspection does not count: it has a limit of its own among GraphQL's standard rules. */
export function depthLimit(maxDepth: number): ValidationRule {
  return (context: ValidationContext): ASTVisitor => {
    // Each fragment is measured once, so that fragments spread many times cost nothing more.
    const fragments = new Map<string, number>();
    const fragmentDepth = (name: string): number => {
      const known = fragments.get(name);
      if (known !== undefined) return known;
      // Stands while the fragment is measured: a cycle, which another rule refuses, then ends here.
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
