/**
 * Owns numbers in an operation's text that GraphQL's Float would change: 1e400 would become Infinity, and be stored.
 */
import {
  getNamedType,
  GraphQLFloat,
  type ASTVisitor,
  type FloatValueNode,
  type IntValueNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { literalError } from './scalars.ts';
import { isDouble } from './variables.ts';

export const floatLiterals: ValidationRule = (context: ValidationContext): ASTVisitor => {
  const check = (node: FloatValueNode | IntValueNode): void => {
    const type = context.getInputType();
    if (type && getNamedType(type).name === GraphQLFloat.name && !isDouble(node.value)) {
      context.reportError(literalError(node, 'Float must be a number within the range of a double'));
    }
  };
  return { FloatValue: check, IntValue: check };
};
