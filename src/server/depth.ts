/** Owns the depth limit: a validation rule that refuses operations whose selections nest deeper than allowed. */
import { GraphQLError, Kind, type ASTVisitor, type SelectionSetNode, type ValidationContext, type ValidationRule } from 'graphql';

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
        else if (!node.name.value.startsWith('__')) deepest = Math.max(deepest, 1 + (node.selectionSet ? depth(node.selectionSet) : 0));
      }
      return deepest;
    };
    return {
      OperationDefinition(node) {
        const found = depth(node.selectionSet);
        if (found > maxDepth) context.reportError(new GraphQLError(`The operation is ${found} fields deep and the limit is ${maxDepth}; ask for less at once, or raise maxQueryDepth.`, { nodes: [node] }));
        return false;
      },
    };
  };
}
