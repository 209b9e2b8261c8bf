/** Owns requests for Relay in tests, made from a document as its compiler makes them, as far as tests need it. */
import { Kind, parse, type FieldNode, type SelectionSetNode, type ValueNode } from 'graphql';
import { type ConcreteRequest } from 'relay-runtime';

/** Every object has the type that its field's name says: enough to normalize by, since tests ask for ids. */
const typeOf = (field: FieldNode): string => field.name.value.replace(/^./, (letter) => letter.toUpperCase());

function argumentOf(name: string, value: ValueNode): object {
  if (value.kind === Kind.VARIABLE) return { kind: 'Variable', name, variableName: value.name.value };
  if (value.kind === Kind.OBJECT)
    return {
      kind: 'ObjectValue',
      name,
      fields: value.fields.map((field) => argumentOf(field.name.value, field.value)),
    };
  return { kind: 'Literal', name, value: 'value' in value ? value.value : null };
}

function selectionsOf(set: SelectionSetNode): object[] {
  return set.selections
    .filter((one) => one.kind === Kind.FIELD)
    .map((field) => {
      const common = {
        alias: field.alias?.value ?? null,
        args: (field.arguments ?? []).map(({ name, value }) => argumentOf(name.value, value)),
        name: field.name.value,
        storageKey: null,
      };
      if (!field.selectionSet) return { kind: 'ScalarField', ...common };
      return {
        kind: 'LinkedField',
        ...common,
        concreteType: typeOf(field),
        plural: false,
        selections: selectionsOf(field.selectionSet),
      };
    });
}

export function relayRequest(text: string): ConcreteRequest {
  const [operation] = parse(text).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new TypeError('the document has no operation');
  const name = operation.name?.value ?? 'Unnamed';
  const argumentDefinitions = (operation.variableDefinitions ?? []).map(({ variable }) => ({
    kind: 'LocalArgument',
    name: variable.name.value,
    defaultValue: null,
  }));
  const selections = selectionsOf(operation.selectionSet);
  return {
    kind: 'Request',
    fragment: {
      argumentDefinitions,
      kind: 'Fragment',
      metadata: null,
      name,
      selections,
      type: String(operation.operation) === 'query' ? 'Query' : 'Mutation',
      abstractKey: null,
    },
    operation: { argumentDefinitions, kind: 'Operation', name, selections },
    params: { cacheID: text, id: null, metadata: {}, name, operationKind: operation.operation, text },
  } as unknown as ConcreteRequest;
}
