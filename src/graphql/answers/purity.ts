/** Owns the decision whether an operation's answer depends on the rows that it reads and on nothing else. */
import {
  getNamedType,
  isAbstractType,
  isInputObjectType,
  isScalarType,
  Kind,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  BREAK,
  type ASTNode,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { type UserResolvers } from '../resolvers.ts';

/** Fields that the application resolves: what its functions read is unknown. */
export interface OwnResolvers {
  readonly user: UserResolvers;
  /** Fields of `Query` that report about servers and not rows. */
  readonly adminFields: readonly string[];
}

export class Purity {
  readonly #schema: GraphQLSchema;
  /** `Type.field`. */
  readonly #fields: ReadonlySet<string>;
  /**
   * Types whose rows the application resolves, and scalars that it parses and serializes: a value such as "an hour ago"
   * means a different time in each request.
   */
  readonly #types: ReadonlySet<string>;
  readonly #known = new WeakMap<DocumentNode, boolean>();

  constructor(schema: GraphQLSchema, { user, adminFields }: OwnResolvers) {
    // The keys of any kind of resolver object are used, as the schema does. The keys of a scalar are not names of
    // fields that a query could select.
    const own = Object.entries(user).flatMap(([type, fields]) =>
      Object.keys(fields).map((field) => [type, field] as const),
    );
    this.#schema = schema;
    this.#fields = new Set([
      ...own.map(([type, field]) => `${type}.${field}`),
      ...adminFields.map((field) => `Query.${field}`),
    ]);
    this.#types = new Set([
      ...own.filter(([, field]) => field.startsWith('__')).map(([type]) => type),
      ...Object.keys(user).filter((type) => isScalarType(schema.getType(type))),
    ]);
  }

  /**
   * Whether the operation is a query or subscription of rows only, without a consistency level of its own
   * (`@consistent`). For a document with several operations: whether all of them are.
   */
  isPure(document: DocumentNode, { operation }: OperationDefinitionNode): boolean {
    return operation !== OperationTypeNode.MUTATION && this.#isPureDocument(document);
  }

  #isPureDocument(document: DocumentNode): boolean {
    const known = this.#known.get(document);
    if (known !== undefined) return known;
    const types = new TypeInfo(this.#schema);
    let isPure = true;
    const found = (): typeof BREAK => {
      isPure = false;
      return BREAK;
    };
    visit(
      document,
      visitWithTypeInfo(types, {
        enter: (node) => {
          if (node.kind === Kind.DIRECTIVE && node.name.value === 'consistent') return found();
          if (node.kind === Kind.FIELD && this.#isOwn(types.getParentType(), node.name.value, types.getType() ?? null))
            return found();
          return this.#isGiven(node, types) ? found() : undefined;
        },
      }),
    );
    this.#known.set(document, isPure);
    return isPure;
  }

  /** A field of an interface or union counts as the application's if it is on any of its possible types. */
  #isOwn(
    parent: GraphQLNamedType | null | undefined,
    field: string,
    shown: Parameters<typeof getNamedType>[0] | null,
  ): boolean {
    const parents = parent == null ? [] : [parent, ...this.#possible(parent)];
    if (parents.some(({ name }) => this.#fields.has(`${name}.${field}`))) return true;
    const type = shown == null ? null : getNamedType(shown);
    return type !== null && [type, ...this.#possible(type)].some(({ name }) => this.#types.has(name));
  }

  /**
   * Whether the node contains a value of one of the application's own scalars; for a variable, whether its type can
   * contain one.
   */
  #isGiven({ kind }: ASTNode, types: TypeInfo): boolean {
    const type = getNamedType(types.getInputType());
    if (type === undefined) return false;
    if (kind === Kind.ARGUMENT || kind === Kind.OBJECT_FIELD) return this.#types.has(type.name);
    return kind === Kind.VARIABLE_DEFINITION && this.#mayHold(type, new Set());
  }

  #mayHold(type: GraphQLNamedType, looked: Set<GraphQLNamedType>): boolean {
    if (this.#types.has(type.name)) return true;
    if (!isInputObjectType(type) || looked.has(type)) return false;
    looked.add(type);
    return Object.values(type.getFields()).some((field) => this.#mayHold(getNamedType(field.type), looked));
  }

  #possible(type: GraphQLNamedType): readonly GraphQLNamedType[] {
    return isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [];
  }
}
