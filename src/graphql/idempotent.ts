/**
 * Owns the idempotency key of an operation: which mutations require one, and how the header is used. Decided once,
 * before execution.
 */
import {
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields } from 'graphql/execution/collectFields.js';
import { getVariableValues } from 'graphql/execution/values.js';
import { MeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Options } from '../config/options.ts';
import { KEY_HEADER } from '../protocol/headers.ts';
import { readKey } from '../protocol/idempotency-key.ts';
import { IdempotentRequest, type IdempotentRequestInput } from '../write/idempotency/request.ts';
import { directiveOf } from '../schema-compiler/directives.ts';

export type IdempotencyLimits = IdempotentRequestInput['limits'] & Pick<Options, 'idempotencyKeyBytes'>;

export interface KeyInput extends Omit<IdempotentRequestInput, 'key' | 'viewer' | 'limits'> {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** The variables as the client sent them. */
  readonly sent: Readonly<Record<string, unknown>>;
  readonly contextValue: { readonly viewer: Viewer | null; readonly idempotencyKey: string | undefined };
  readonly limits: IdempotencyLimits;
}

/**
 * Null for an operation that is not a mutation or has no key. Throws `IDEMPOTENCY_KEY_REQUIRED` and
 * `IDEMPOTENCY_KEY_INVALID`.
 */
export function idempotentRequestOf(input: KeyInput): IdempotentRequest | null {
  const { operation, contextValue, limits } = input;
  if (operation.operation !== OperationTypeNode.MUTATION) return null;
  const { idempotencyKey, viewer } = contextValue;
  if (idempotencyKey !== undefined)
    return new IdempotentRequest({
      ...input,
      variables: input.sent,
      viewer,
      limits,
      key: readKey(idempotencyKey, limits.idempotencyKeyBytes),
    });
  const wanting = fieldWanting(input);
  if (wanting === null) return null;
  throw new MeridianError({
    code: 'IDEMPOTENCY_KEY_REQUIRED',
    message: `The mutation ${wanting} takes no request without an idempotency key; send a UUID in the header ${KEY_HEADER}, and the same one when you send the request again.`,
  });
}

/** The first mutation of the operation that requires a key; null if none does. */
function fieldWanting({ schema, document, operation, variables }: KeyInput): string | null {
  const type = schema.getMutationType();
  const marked = markedFields(schema);
  if (!type || marked.size === 0) return null;
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  // Invalid variables are reported by execution, which writes nothing then.
  if (!coerced) return null;
  const fragments = Object.fromEntries(
    document.definitions
      .filter((definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  for (const nodes of collectFields(schema, fragments, coerced, type, operation.selectionSet).values()) {
    const name = nodes[0]?.name.value;
    if (name !== undefined && marked.has(name)) return name;
  }
  return null;
}

/** Schemas live as long as the server. */
const known = new WeakMap<GraphQLSchema, ReadonlySet<string>>();

function markedFields(schema: GraphQLSchema): ReadonlySet<string> {
  let marked = known.get(schema);
  if (marked === undefined) {
    marked = new Set(
      Object.values(schema.getMutationType()?.getFields() ?? {})
        .filter((field) => directiveOf(field, 'idempotent') !== null)
        .map(({ name }) => name),
    );
    known.set(schema, marked);
  }
  return marked;
}
