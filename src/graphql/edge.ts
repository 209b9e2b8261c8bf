/** Owns the edge: one look at an operation and its token header decides the level and floor of every read in it (R9). */
import { getDirectiveValues, Kind, OperationTypeNode, visit, type DefinitionNode, type DocumentNode, type FieldNode, type GraphQLDirective, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import { CONSISTENCY_LEVELS, type ConsistencyLevel, type Requirement } from '../consistency/requirement.ts';

export interface EdgeInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether the request carries the token header at all, even an empty one. */
  readonly headerPresent: boolean;
  /** This cluster's position in the request's token; null without one. */
  readonly floor: Position | null;
  /** Bound of BOUNDED where the directive names none, milliseconds. */
  readonly defaultMaxLagMs: number;
}

export interface EdgeDecision {
  /** What the operation's reads must satisfy where no field says otherwise. */
  readonly root: Requirement;
  /** Fields that carry `@consistent` of their own; their subtree follows them. */
  readonly fields: ReadonlyMap<FieldNode, Requirement>;
  /** Whether `extensions.consistency` was asked for: by the header, by `@consistent`, or by mutating. */
  readonly wantsExtensions: boolean;
}

/** Throws `BAD_USER_INPUT` for a `@consistent` whose arguments contradict each other. */
export function decideAtEdge(input: EdgeInput): EdgeDecision {
  const directive = input.schema.getDirective('consistent');
  const fields = new Map<FieldNode, Requirement>();
  const byDefault = requirement(input.floor === null ? 'EVENTUAL' : 'SESSION', input, null);
  const root = directive ? (read(directive, input.operation, input) ?? byDefault) : byDefault;
  if (directive) {
    // Fields of the operation and of its fragments; other operations of the document are not executed.
    const Field = (node: FieldNode): void => {
      const found = read(directive, node, input);
      if (found) fields.set(node, found);
    };
    const executed: readonly DefinitionNode[] = [input.operation, ...input.document.definitions.filter(isFragment)];
    for (const definition of executed) visit(definition, { Field });
  }
  const annotated = fields.size > 0 || root !== byDefault;
  return { root, fields, wantsExtensions: input.headerPresent || annotated || input.operation.operation === OperationTypeNode.MUTATION };
}

const isFragment = (definition: DefinitionNode): boolean => definition.kind === Kind.FRAGMENT_DEFINITION;

/**
 * `@consistent` alone means: whatever this client wrote or saw is there. With a token that is SESSION; a client
 * without one can only be sure at the primary's position now, which is STRONG.
 */
function read(directive: GraphQLDirective, node: FieldNode | OperationDefinitionNode, input: EdgeInput): Requirement | null {
  const values = getDirectiveValues(directive, node, input.variables);
  if (!values) return null;
  const level = (values['level'] as ConsistencyLevel | null | undefined) ?? (input.floor === null ? 'STRONG' : 'SESSION');
  const maxLagMs = (values['maxLagMs'] as number | null | undefined) ?? null;
  if (!CONSISTENCY_LEVELS.includes(level)) throw new MeridianError({ code: 'BAD_USER_INPUT', message: `@consistent knows no level ${level}; use one of ${CONSISTENCY_LEVELS.join(', ')}.` });
  if (maxLagMs !== null && level !== 'BOUNDED') {
    throw new MeridianError({ code: 'BAD_USER_INPUT', message: `@consistent(level: ${level}) takes no maxLagMs: only BOUNDED does; drop it or ask for level: BOUNDED.` });
  }
  if (maxLagMs !== null && maxLagMs < 0) throw new MeridianError({ code: 'BAD_USER_INPUT', message: `@consistent(maxLagMs: ${maxLagMs}) is negative; give milliseconds from 0 up.` });
  return requirement(level, input, maxLagMs);
}

/** EVENTUAL asked for by name drops the floor: the client said that this may be old. Every other level keeps it. */
function requirement(level: ConsistencyLevel, input: EdgeInput, maxLagMs: number | null): Requirement {
  return {
    level,
    floor: level === 'EVENTUAL' ? null : input.floor,
    maxLagMs: level === 'BOUNDED' ? (maxLagMs ?? input.defaultMaxLagMs) : null,
  };
}

/**
 * What reads below a mutation must satisfy: they see that mutation's write, whatever was asked before. A client
 * that asked for EVENTUAL or BOUNDED reads of its own write gets SESSION; stronger levels stay.
 */
export function afterWrite(before: Requirement, written: Position): Requirement {
  const level = before.level === 'STRONG' || before.level === 'SNAPSHOT' ? before.level : 'SESSION';
  return { level, floor: written, maxLagMs: null };
}
