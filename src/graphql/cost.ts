/**
 * Owns the bound on an operation: how many values its answer could contain, computed from page sizes before anything is
 * read.
 */
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isInterfaceType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  valueFromASTUntyped,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type Field, type Model, type RootField } from '../model/model.ts';
import { fitsAgain, rememberFit, VariablesRead } from './cost-memory.ts';

export type CostLimits = Pick<Options, 'maxAnswerValues' | 'maxMutations' | 'pageSize'>;

export interface CostInput {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly limits: CostLimits;
}

/** Assumed number of types, fields and arguments in one list of the introspection. */
const INTROSPECTED = 10;

/**
 * Throws `BAD_USER_INPUT` for an operation whose answer could contain more than `maxAnswerValues` values, or that has
 * more than `maxMutations` mutations. Every field counts once for each object that may have it: page sizes are
 * multiplied along the path, because nested and repeated pages let a short query ask for millions of rows.
 */
export function limitCost(input: CostInput): void {
  if (fitsAgain(input)) return;
  const calculation = new CostCalculation(input);
  calculation.run();
  rememberFit(input, calculation.read);
}

/** Selections of one object of the answer: its type, and how many such objects there may be. */
interface Asked {
  readonly type: GraphQLNamedType;
  readonly selections: readonly SelectionSetNode[];
  readonly times: number;
  /** The number of rows of the connection that this object is, or null. */
  readonly page: number | null;
}

interface Group {
  readonly type: GraphQLNamedType;
  readonly nodes: FieldNode[];
}

/** One field that an operation selects. */
interface Shown {
  readonly type: GraphQLNamedType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  /** Rows of the page around it; null outside of one. */
  readonly page: number | null;
}

class CostCalculation {
  readonly #input: CostInput;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #defaults: ReadonlyMap<string, ValueNode>;
  /** The variables that the computation has used. */
  readonly read = new VariablesRead();
  #values = 0;

  constructor(input: CostInput) {
    this.#input = input;
    this.#fragments = new Map(
      input.document.definitions.flatMap((it) =>
        it.kind === Kind.FRAGMENT_DEFINITION ? [[it.name.value, it] as const] : [],
      ),
    );
    this.#defaults = new Map(
      (input.operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
        defaultValue ? [[variable.name.value, defaultValue] as const] : [],
      ),
    );
  }

  run(): void {
    const { schema, operation, limits } = this.#input;
    const type = schema.getRootType(operation.operation);
    if (!type) return;
    const root: Asked = { type, selections: [operation.selectionSet], times: 1, page: null };
    const mutations = operation.operation === OperationTypeNode.MUTATION ? this.#groups(root).length : 0;
    if (mutations > limits.maxMutations)
      throw refused(
        `The operation holds ${mutations} mutations, and the limit is ${limits.maxMutations}; send several operations, or raise maxMutations.`,
      );
    this.#walk(root);
  }

  #walk(asked: Asked): void {
    for (const { type, nodes } of this.#groups(asked)) {
      // The first one was counted with the selection.
      this.#count(Math.max(0, asked.times - 1));
      const [node] = nodes;
      const definition = node && fieldOf(this.#input.schema, type, node.name.value);
      if (!definition) continue;
      const named = getNamedType(definition.type);
      const selections = nodes.flatMap(({ selectionSet }) => (selectionSet ? [selectionSet] : []));
      if (!isCompositeType(named) || selections.length === 0) continue;
      const { rows, page } = this.#rows({ type, definition, node, page: asked.page });
      this.#walk({ type: named, selections, times: asked.times * rows, page });
    }
  }

  #count(values: number): void {
    this.#values += values;
    const { maxAnswerValues } = this.#input.limits;
    // Stops as soon as the bound is exceeded: the rest may be large, and its size would not help anybody.
    if (this.#values > maxAnswerValues) {
      throw refused(
        `The answer could hold more than ${maxAnswerValues} values (page sizes multiplied along each path), which is the limit; ask for smaller pages or fewer fields, or raise maxAnswerValues.`,
      );
    }
  }

  /** How many objects one field returns; a connection is one object, whose `edges` and `nodes` have its page's rows. */
  #rows({ type, definition, node, page }: Shown): { readonly rows: number; readonly page: number | null } {
    const known = this.#known(type, definition.name);
    if (known?.kind === 'connection')
      return { rows: 1, page: Math.min(this.#size(definition, node) ?? known.defaultPageSize, known.maxPageSize) };
    if (known?.kind === 'list')
      return { rows: Math.min(this.#size(definition, node) ?? known.limit, known.limit), page: null };
    if (known || !isList(definition.type)) return { rows: 1, page: null };
    if (page !== null) return { rows: page, page: null };
    if (isIntrospectionType(type)) return { rows: INTROSPECTED, page: null };
    const representations =
      definition.name === '_entities' ? this.#argument(definition, node, 'representations') : undefined;
    if (representations !== undefined)
      return { rows: Array.isArray(representations) ? representations.length : 1, page: null };
    // A custom resolver's list: its requested size, otherwise the size of a page.
    return { rows: this.#size(definition, node) ?? this.#input.limits.pageSize, page: null };
  }

  #known(type: GraphQLNamedType, field: string): Field | RootField | undefined {
    const { model, schema } = this.#input;
    if (type === schema.getQueryType()) return model.queries.get(field);
    return type === schema.getSubscriptionType()
      ? model.subscriptions.get(field)
      : (model.entities.get(type.name) ?? model.stubs.get(type.name))?.fields.get(field);
  }

  /** The client's `first` or `last`; null if it gave none. */
  #size(definition: GraphQLField<unknown, unknown>, node: FieldNode): number | null {
    for (const name of ['first', 'last']) {
      const given = this.#argument(definition, node, name);
      if (typeof given === 'number') return Math.max(0, given);
    }
    return null;
  }

  #argument(definition: GraphQLField<unknown, unknown>, node: FieldNode, name: string): unknown {
    const given = node.arguments?.find((argument) => argument.name.value === name);
    const value = given && this.#value(given.value);
    return value === undefined ? definition.args.find((argument) => argument.name === name)?.defaultValue : value;
  }

  #value(node: ValueNode): unknown {
    const { variables } = this.#input;
    if (node.kind !== Kind.VARIABLE) {
      if (node.kind === Kind.LIST || node.kind === Kind.OBJECT) this.read.goesByMore();
      return valueFromASTUntyped(node, variables);
    }
    const name = node.name.value;
    this.read.goesBy(variables, name);
    if (Object.hasOwn(variables, name)) return variables[name];
    const byDefault = this.#defaults.get(name);
    return byDefault && valueFromASTUntyped(byDefault);
  }

  /** Fields of one object: those with the same response key are one field, as in execution. */
  #groups({ type, selections }: Asked): readonly Group[] {
    const groups = new Map<string, Group>();
    const spread = new Set<string>();
    const collect = (on: GraphQLNamedType, node: SelectionNode): void => {
      // Whatever the number of objects: selections that return nothing, such as those of empty pages, would otherwise
      // be traversed without a bound.
      this.#count(1);
      if (this.#isLeftOut(node)) return;
      if (node.kind === Kind.FIELD) {
        const key = `${on.name}.${(node.alias ?? node.name).value}`;
        const group = groups.get(key);
        if (group) group.nodes.push(node);
        else groups.set(key, { type: on, nodes: [node] });
        return;
      }
      const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : this.#fragments.get(node.name.value);
      if (!fragment || (node.kind === Kind.FRAGMENT_SPREAD && spread.has(node.name.value))) return;
      if (node.kind === Kind.FRAGMENT_SPREAD) spread.add(node.name.value);
      const condition = fragment.typeCondition
        ? this.#input.schema.getType(fragment.typeCondition.name.value)
        : undefined;
      // An object keeps its type under a fragment on one of its interfaces.
      const under = condition === undefined || (isAbstractType(condition) && isObjectType(on)) ? on : condition;
      for (const selection of fragment.selectionSet.selections) collect(under, selection);
    };
    for (const { selections: nodes } of selections) for (const node of nodes) collect(type, node);
    return [...groups.values()];
  }

  #isLeftOut(node: SelectionNode): boolean {
    if (!node.directives?.length) return false;
    const given = (directive: string): unknown => {
      const argument = node.directives
        ?.find(({ name }) => name.value === directive)
        ?.arguments?.find(({ name }) => name.value === 'if');
      return argument && this.#value(argument.value);
    };
    return given('skip') === true || given('include') === false;
  }
}

function refused(message: string): MeridianError {
  return new MeridianError({ code: 'BAD_USER_INPUT', message });
}

function isList(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}

const INTROSPECTION: ReadonlyMap<string, GraphQLField<unknown, unknown>> = new Map(
  [SchemaMetaFieldDef, TypeMetaFieldDef].map((field) => [field.name, field]),
);

/** Undefined for `__typename` and for fields that validation has refused. */
function fieldOf(
  schema: GraphQLSchema,
  type: GraphQLNamedType,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  if (type === schema.getQueryType() && name.startsWith('__')) return INTROSPECTION.get(name);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}
