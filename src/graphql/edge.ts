/**
 * Owns the decision before execution: the level and floor of every read of an operation, from the operation and its
 * token header (R9).
 */
import {
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  Kind,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  BREAK,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLDirective,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { MeridianError } from '../base/errors.ts';
import { laterPosition, type Position } from '../base/lineage.ts';
import { type AskedLevel } from '../consistency/level-text.ts';
import { type ConsistencyLevel, type Requirement } from '../consistency/requirement.ts';
import { compareStrength } from '../consistency/strength.ts';
import { readsNothing } from './column.ts';

export interface EdgeInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether the request has the token header, even an empty one. */
  readonly headerPresent: boolean;
  /**
   * The `consistency-level` header, for an operation's `@consistent` that a gateway did not pass on; null without one.
   */
  readonly asked: AskedLevel | null;
  /** This cluster's position in the client's token, or in what a gateway has seen; null without one. */
  readonly floor: Position | null;
  /** Whether the client's own token names this cluster. */
  readonly hasToken: boolean;
  /** The bound of BOUNDED if the directive gives none, milliseconds. */
  readonly defaultMaxLagMs: number;
}

export interface EdgeDecision {
  /** What the operation's reads must satisfy unless a field says otherwise. */
  readonly root: Requirement;
  /** Fields with their own `@consistent`, which also applies to their subtree. */
  readonly fields: ReadonlyMap<FieldNode, Requirement>;
  /** Whether `extensions.consistency` was asked for: by the header, by `@consistent`, or by mutating. */
  readonly wantsExtensions: boolean;
  readonly isMutation: boolean;
}

/** Throws `BAD_USER_INPUT` for a `@consistent` whose arguments contradict each other. */
export function decideAtEdge(input: EdgeInput): EdgeDecision {
  const { operation, document, headerPresent } = input;
  const byDefault =
    (input.asked && requirementOf(input.asked, input)) ??
    requirement(input.floor === null ? 'EVENTUAL' : 'SESSION', input, null);
  const isMutation = operation.operation === OperationTypeNode.MUTATION;
  const plain: EdgeDecision = {
    root: byDefault,
    fields: new Map(),
    wantsExtensions: headerPresent || isMutation || input.asked !== null,
    isMutation,
  };
  const directive = input.schema.getDirective('consistent');
  if (!directive || !mentions(document, directive.name)) return plain;
  refuseOnColumns(input.schema, document, directive);
  const { coerced } = getVariableValues(input.schema, operation.variableDefinitions ?? [], input.variables);
  // Invalid variables are reported by execution, which reads nothing then.
  if (!coerced) return plain;
  const edge = { ...input, variables: coerced };
  const root = read(directive, operation, edge);
  const fields = new Map<FieldNode, Requirement>();
  for (const node of executedFields(edge)) {
    const found = read(directive, node, edge);
    if (found) fields.set(node, found);
  }
  return {
    root: root ?? byDefault,
    fields,
    wantsExtensions: plain.wantsExtensions || root !== null || fields.size > 0,
    isMutation,
  };
}

/**
 * Whether a document uses the directive at all. Most do not; the result is stored with the parsed document, which the
 * server keeps.
 */
const mentioned = new WeakMap<DocumentNode, boolean>();

function mentions(document: DocumentNode, directive: string): boolean {
  const known = mentioned.get(document);
  if (known !== undefined) return known;
  let found = false;
  visit(document, {
    Directive({ name }) {
      if (name.value !== directive) return undefined;
      found = true;
      return BREAK;
    },
  });
  mentioned.set(document, found);
  return found;
}

/** Documents that have passed `refuseOnColumns`, each with its schema; the server keeps parsed documents. */
const passed = new WeakMap<DocumentNode, GraphQLSchema>();

/** A column is read with its row, so a level of its own could not be kept. Throws `BAD_USER_INPUT`. */
function refuseOnColumns(schema: GraphQLSchema, document: DocumentNode, directive: GraphQLDirective): void {
  if (passed.get(document) === schema) return;
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Field(node) {
        if (!node.directives?.some(({ name }) => name.value === directive.name) || !readsNothing(types.getFieldDef()))
          return;
        const field = `${types.getParentType()?.name}.${node.name.value}`;
        throw new MeridianError({
          code: 'BAD_USER_INPUT',
          message: `@consistent on ${field} can have no effect: its value comes with the row it belongs to. Put the directive on the field that reads the row.`,
        });
      },
    }),
  );
  passed.set(document, schema);
}

/**
 * Fields of the operation and of the fragments that it spreads, without those that `@skip` and `@include` leave out.
 */
function executedFields({ document, operation, variables }: EdgeInput): FieldNode[] {
  const fragments = new Map(
    document.definitions
      .filter((definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  const spread = new Set<string>();
  const fields: FieldNode[] = [];
  const follow = (selections: SelectionSetNode | undefined): void => {
    for (const node of selections?.selections ?? []) {
      if (!isIncluded(node, variables)) continue;
      if (node.kind !== Kind.FRAGMENT_SPREAD) {
        if (node.kind === Kind.FIELD) fields.push(node);
        follow(node.selectionSet);
      } else if (!spread.has(node.name.value)) {
        // Once is enough: its nodes are the same wherever it is spread.
        spread.add(node.name.value);
        follow(fragments.get(node.name.value)?.selectionSet);
      }
    }
  };
  follow(operation.selectionSet);
  return fields;
}

function isIncluded(node: SelectionNode, variables: EdgeInput['variables']): boolean {
  if (!node.directives?.length) return true;
  return (
    getDirectiveValues(GraphQLSkipDirective, node, variables)?.['if'] !== true &&
    getDirectiveValues(GraphQLIncludeDirective, node, variables)?.['if'] !== false
  );
}

/**
 * `@consistent` without a level means: everything that this client wrote or saw is visible. With a token that is
 * SESSION. For a client without a token only the primary's present position guarantees it, which is STRONG, even if a
 * gateway has seen something meanwhile.
 */
function read(
  directive: GraphQLDirective,
  node: FieldNode | OperationDefinitionNode,
  input: EdgeInput,
): Requirement | null {
  const values = getDirectiveValues(directive, node, input.variables);
  if (!values) return null;
  return requirementOf(
    {
      level: (values['level'] as ConsistencyLevel | null | undefined) ?? null,
      maxLagMs: (values['maxLagMs'] as number | null | undefined) ?? null,
    },
    input,
  );
}

function requirementOf({ level: named, maxLagMs }: AskedLevel, input: EdgeInput): Requirement {
  const level = named ?? (input.hasToken ? 'SESSION' : 'STRONG');
  if (maxLagMs !== null && level !== 'BOUNDED') {
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `@consistent(level: ${level}) takes no maxLagMs: only BOUNDED does; drop it or ask for level: BOUNDED.`,
    });
  }
  if (maxLagMs !== null && maxLagMs < 0)
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `@consistent(maxLagMs: ${maxLagMs}) is negative; give milliseconds from 0 up.`,
    });
  return requirement(level, input, maxLagMs);
}

/**
 * EVENTUAL asked for by name drops the floor, because the client accepts old data. Every other level keeps it. A
 * snapshot for a client without a token is one of now: what a gateway has seen meanwhile may be older.
 */
function requirement(level: ConsistencyLevel, input: EdgeInput, maxLagMs: number | null): Requirement {
  return {
    level,
    floor: level === 'EVENTUAL' ? null : input.floor,
    maxLagMs: level === 'BOUNDED' ? (maxLagMs ?? input.defaultMaxLagMs) : null,
    ...(level === 'SNAPSHOT' && input.floor !== null && !input.hasToken ? { wantsIndex: true } : {}),
  };
}

/** The requirement that satisfies both, for a field of the answer that is requested twice. */
export function strongerOf(a: Requirement, b: Requirement): Requirement {
  if (a.level === 'BOUNDED' && b.level === 'BOUNDED') return (a.maxLagMs ?? 0) <= (b.maxLagMs ?? 0) ? a : b;
  return compareStrength(a.level, b.level) >= 0 ? a : b;
}

/** The level of a read below a mutation that asked for `level`. */
export function levelAfterWrite(level: ConsistencyLevel): ConsistencyLevel {
  return level === 'STRONG' || level === 'SNAPSHOT' ? level : 'SESSION';
}

/**
 * What reads after a mutation must satisfy: they see the mutation's write, whatever was asked. A client that asked for
 * EVENTUAL or BOUNDED reads its own write at SESSION; stronger levels stay. The requested floor stays too if it is
 * higher: a transaction that has written nothing may end below what the client has seen, since that need not be flushed
 * yet.
 */
export function afterWrite(before: Requirement, written: Position): Requirement {
  return {
    level: levelAfterWrite(before.level),
    floor: before.floor === null ? written : laterPosition(before.floor, written),
    maxLagMs: null,
  };
}
