/** Owns the construction of a plan: the fields that execution would collect, and how the value of each is obtained. */
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isListType,
  isNonNullType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import { completing, type Selections } from './complete.ts';
import { connectionParts, type Fields } from './connection-parts.ts';
import { entitiesField } from './entities.ts';
import { NotPlanned, type Arguments, type Plan, type PlannedField, type Selection } from './plan.ts';
import { connectionField, listField, lookupField, toOneField } from './reads.ts';
import { type Resolved, type ResolvedSchema } from './resolved.ts';
import { columnField, constantField, embeddedField, objectField, propertyField, type FieldParts } from './values.ts';

export interface MakeInput {
  readonly schema: GraphQLSchema;
  readonly resolved: ResolvedSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Variables used by `@skip` and `@include`. Variables in arguments belong to a request, not to the plan. */
  readonly conditions: Readonly<Record<string, boolean>>;
  /**
   * Maximum number of fields: fragments that spread each other can expand to far more fields than the document's text
   * has.
   */
  readonly maxFields: number;
}

/** Null for an operation that is too large or has fields that the model does not resolve. */
export function makePlan(input: MakeInput): Plan | null {
  const type = input.schema.getQueryType();
  if (!type || input.operation.operation !== OperationTypeNode.QUERY) return null;
  try {
    return new Maker(input).plan(type);
  } catch {
    // Either `NotPlanned`, or an error that execution finds and reports as well.
    return null;
  }
}

type Nodes = readonly FieldNode[];
type Collected = ReadonlyMap<string, Nodes>;

/** One field of the answer. */
interface Site {
  readonly type: GraphQLObjectType;
  readonly key: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly nodes: Nodes;
}

class Maker implements Fields {
  readonly #input: MakeInput;
  readonly #fragments: Record<string, FragmentDefinitionNode> = Object.create(null) as Record<
    string,
    FragmentDefinitionNode
  >;
  #size = 0;
  #places = 0;

  constructor(input: MakeInput) {
    this.#input = input;
    for (const definition of input.document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments[definition.name.value] = definition;
  }

  plan(type: GraphQLObjectType): Plan {
    const { schema, conditions, operation } = this.#input;
    const root = this.#selection(
      type,
      this.#counted(collectFields(schema, this.#fragments, conditions, type, operation.selectionSet)),
    );
    return { root, size: this.#size, places: this.#places };
  }

  /** The subfields of the objects of a field. */
  subfields(type: GraphQLObjectType, nodes: Nodes): Collected {
    const { schema, resolved, conditions } = this.#input;
    if (resolved.typed.has(type)) throw new NotPlanned();
    return this.#counted(collectSubfields(schema, this.#fragments, conditions, type, nodes));
  }

  parts(type: GraphQLObjectType, key: string, nodes: Nodes): FieldParts {
    const definition = definitionOf(type, nodes);
    return this.#parts({ type, key, definition, nodes }, this.#selections(definition.type, nodes));
  }

  #parts({ type, key, definition, nodes }: Site, selections: Selections): FieldParts {
    return {
      key,
      args: this.#arguments(definition, nodes),
      complete: completing(definition.type, selections),
      hasObjects: selections !== null,
      shownAs: { returnType: definition.type, parentType: type, fieldName: definition.name },
    };
  }

  /** The selections of a field's type, or of each type that its objects may have. */
  #selections(fieldType: GraphQLOutputType, nodes: Nodes): Selections {
    const type = getNamedType(fieldType);
    if (!isCompositeType(type)) return null;
    if (this.#input.resolved.typed.has(type)) throw new NotPlanned();
    const types = isAbstractType(type) ? this.#input.schema.getPossibleTypes(type) : [type as GraphQLObjectType];
    return new Map(types.map((one) => [one.name, this.#selection(one, this.subfields(one, nodes))]));
  }

  resolved(type: GraphQLObjectType, nodes: Nodes): Resolved {
    const found = this.#input.resolved.fields.get(definitionOf(type, nodes));
    if (found === undefined) throw new NotPlanned();
    return found;
  }

  #counted(collected: Collected): Collected {
    this.#size += collected.size;
    if (this.#size > this.#input.maxFields) throw new NotPlanned();
    return collected;
  }

  #selection(type: GraphQLObjectType, collected: Collected): Selection {
    return { fields: [...collected].map(([key, nodes]) => this.#field(type, key, nodes)) };
  }

  #field(type: GraphQLObjectType, key: string, nodes: Nodes): PlannedField {
    // Assigning this property would set the object's prototype.
    if (key === '__proto__') throw new NotPlanned();
    if (nodes[0]?.name.value === '__typename') return constantField(key, type.name);
    const resolved = this.resolved(type, nodes);
    const definition = definitionOf(type, nodes);
    if (resolved.kind === 'selection' && resolved.field.kind === 'connection') {
      const { field, keyOf } = resolved;
      return connectionField(
        { key, args: this.#arguments(definition, nodes) },
        { field, keyOf, connection: connectionParts(this, getNamedType(definition.type), nodes) },
      );
    }
    const selections = this.#selections(definition.type, nodes);
    const parts = this.#parts({ type, key, definition, nodes }, selections);
    switch (resolved.kind) {
      case 'property':
        return propertyField(parts);
      case 'column':
        return columnField(parts, resolved.column);
      case 'embedded':
        return embeddedField(parts, resolved.field);
      case 'object':
        return objectField(parts);
      case 'lookup':
        return lookupField(parts, resolved.field);
      case 'toOne':
        return toOneField(parts, resolved.field, resolved.keyOf);
      case 'selection':
        if (resolved.field.kind === 'connection') throw new TypeError('a connection is planned as one');
        return listField(parts, resolved.field, resolved.keyOf);
      case 'entities':
        if (selections === null) throw new NotPlanned();
        return entitiesField(parts, {
          finders: this.#input.resolved.finders,
          selections,
          areNullable: !isNonNullType(itemOf(definition.type)),
        });
    }
  }

  /** Null for a field without arguments. */
  #arguments(definition: GraphQLField<unknown, unknown>, [node]: Nodes): Arguments | null {
    if (definition.args.length === 0 || node === undefined) return null;
    this.#places += 1;
    return { definition, node, place: this.#places - 1 };
  }
}

function definitionOf(type: GraphQLObjectType, [node]: Nodes): GraphQLField<unknown, unknown> {
  const definition = node && type.getFields()[node.name.value];
  // An introspection field, or a field that validation rejects.
  if (!definition) throw new NotPlanned();
  return definition;
}

function itemOf(type: GraphQLOutputType): GraphQLOutputType {
  const list = isNonNullType(type) ? type.ofType : type;
  if (!isListType(list)) throw new NotPlanned();
  return list.ofType;
}
