/** Owns the scalars that Meridian adds: exact text in both directions, validated on input as the column's type does. */
import {
  GraphQLError,
  GraphQLScalarType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  print,
  visit,
  type FloatValueNode,
  type GraphQLSchema,
  type IntValueNode,
  type ObjectValueNode,
  type ValueNode,
} from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { JsonNumber, jsonNumber } from '../base/json.ts';
import { type SqlType } from '../model/model.ts';
import { normalizeScalar } from '../model/values.ts';

/** Scalar → the column type whose rules its input follows. */
const EXACT: Readonly<Record<string, Pick<SqlType, 'kind' | 'sql'>>> = {
  BigInt: { kind: 'bigint', sql: 'bigint' },
  Decimal: { kind: 'numeric', sql: 'numeric' },
  DateTime: { kind: 'timestamptz', sql: 'timestamptz' },
  LocalDateTime: { kind: 'timestamp', sql: 'timestamp' },
  Date: { kind: 'date', sql: 'date' },
  Time: { kind: 'time', sql: 'time' },
  UUID: { kind: 'uuid', sql: 'uuid' },
};

/** Longer literals are cut off in messages. */
const SHOWN_LENGTH = 60;

/**
 * The error of a literal. Validation would use its own code, while a variable with the same value has BAD_USER_INPUT;
 * the error formatter uses the MeridianError inside.
 */
export function literalError(node: ValueNode, problem: string): GraphQLError {
  const literal = print(node);
  const message = `${problem} (the query has ${literal.slice(0, SHOWN_LENGTH)}${literal.length > SHOWN_LENGTH ? '…' : ''})`;
  return new GraphQLError(message, {
    nodes: [node],
    originalError: new MeridianError({ code: 'BAD_USER_INPUT', message }),
  });
}

function exactScalar(name: string, type: Pick<SqlType, 'kind' | 'sql'>): GraphQLScalarType {
  const parse = (value: unknown): unknown => {
    const normalized = normalizeScalar(type, value);
    if ('problem' in normalized)
      throw new GraphQLError(`${name} must be ${normalized.problem}.`, { extensions: { code: 'BAD_USER_INPUT' } });
    return normalized.value;
  };
  return new GraphQLScalarType({
    name,
    // Rows contain these values as exact text; a custom resolver may return a number, bigint or Date.
    serialize: (value) => (typeof value === 'string' ? value : parse(value)),
    parseValue: parse,
    // Digits in a query's text stay text: a JavaScript number would round them.
    parseLiteral: (node: ValueNode) => {
      const isNumber = node.kind === Kind.INT || node.kind === Kind.FLOAT;
      const given = isNumber ? jsonNumber(node.value) : node.kind === Kind.STRING ? node.value : false;
      const normalized = normalizeScalar(type, given);
      if ('problem' in normalized) throw literalError(node, `${name} must be ${normalized.problem}`);
      return normalized.value;
    },
  });
}

type Variables = Readonly<Record<string, unknown>> | null | undefined;

/** The value of a literal of any form, as `parseJson` would read it. Undefined for a variable that is not given. */
export function literalValue(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return jsonNumber(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.LIST:
      return node.values.map((item) => literalValue(item, variables));
    case Kind.OBJECT:
      return objectValue(node, variables);
    case Kind.VARIABLE:
      return variables && Object.hasOwn(variables, node.name.value) ? variables[node.name.value] : undefined;
  }
}

/** `Object.fromEntries` treats `__proto__` like any other key. */
function objectValue({ fields }: ObjectValueNode, variables: Variables): unknown {
  return Object.fromEntries(fields.map(({ name, value }) => [name.value, literalValue(value, variables)]));
}

const json = new GraphQLScalarType({
  name: 'JSON',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: literalValue,
});

const token = new GraphQLScalarType({ name: 'ConsistencyToken', serialize: String, parseValue: String });

/** Every scalar of meridian.graphql, by name. */
export const SCALARS: Readonly<Record<string, GraphQLScalarType>> = {
  ...Object.fromEntries(Object.entries(EXACT).map(([name, type]) => [name, exactScalar(name, type)])),
  JSON: json,
  ConsistencyToken: token,
};

const exact = new WeakSet<object>();
const open = new WeakSet<object>();

/**
 * Remembers how the scalars of a new schema accept numbers that a JavaScript number would change. Scalars without a
 * definition (`_Any` of federation, and those that an application only declares in its SDL) accept any value;
 * graphql-js would round the numbers of a query's text for them.
 */
export function rememberScalars(schema: GraphQLSchema, defined: Readonly<Record<string, unknown>>): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isScalarType(type) || isSpecifiedScalarType(type)) continue;
    const given = defined[type.name];
    if (given === undefined) type.parseLiteral = literalValue;
    if (given === undefined || given === SCALARS['JSON']) open.add(type);
    else if (type.name in EXACT && given === SCALARS[type.name]) exact.add(type);
    else if (isGraphqlsOwn(type.parseLiteral)) refuseRounding(type);
  }
}

/**
 * An application's scalar without `parseLiteral` uses graphql-js's default, which is the same function in every scalar.
 */
const GRAPHQLS_OWN = String(new GraphQLScalarType({ name: 'Any' }).parseLiteral);
const isGraphqlsOwn = (parseLiteral: GraphQLScalarType['parseLiteral']): boolean =>
  String(parseLiteral) === GRAPHQLS_OWN;

/** What is wrong with a number for a scalar that uses JavaScript numbers. */
export function inexact({ name }: { readonly name: string }): string {
  return `${name} is given a JavaScript number, which cannot hold this one exactly; send it as a string`;
}

/** graphql-js would round such a number before the scalar sees it; as a variable it is refused too. */
function refuseRounding(type: GraphQLScalarType): void {
  const parse = type.parseLiteral;
  const check = (node: IntValueNode | FloatValueNode): void => {
    const value = jsonNumber(node.value);
    const isInexact = value instanceof JsonNumber && value.number === null;
    if (isInexact) throw literalError(node, inexact(type));
  };
  type.parseLiteral = (node, variables) => {
    visit(node, { IntValue: check, FloatValue: check });
    return parse.call(type, node, variables);
  };
}

/** Whether the scalar accepts a `JsonNumber` exactly, or refuses it. */
export function isExactScalar(type: object): boolean {
  return exact.has(type);
}

/** Whether the scalar accepts any value, with numbers unchanged. */
export function isOpenScalar(type: object): boolean {
  return open.has(type);
}
