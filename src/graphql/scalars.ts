/** Owns the scalars that Meridian adds: exact text both ways, checked on the way in as the column's type will check it. */
import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped, type ValueNode } from 'graphql';
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

function exactScalar(name: string, type: Pick<SqlType, 'kind' | 'sql'>): GraphQLScalarType {
  const parse = (value: unknown): unknown => {
    const normalized = normalizeScalar(type, value);
    if ('problem' in normalized) throw new GraphQLError(`${name} must be ${normalized.problem}.`, { extensions: { code: 'BAD_USER_INPUT' } });
    return normalized.value;
  };
  return new GraphQLScalarType({
    name,
    // Rows carry these values as exact text already; a custom resolver may hand in a number, bigint or Date.
    serialize: (value) => (typeof value === 'string' ? value : parse(value)),
    parseValue: parse,
    // Digits in a query's text stay text: a JavaScript number would round them.
    parseLiteral: (node: ValueNode) => parse('value' in node && (node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.STRING) ? node.value : undefined),
  });
}

const json = new GraphQLScalarType({
  name: 'JSON',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

const token = new GraphQLScalarType({ name: 'ConsistencyToken', serialize: String, parseValue: String });

/** Every scalar of meridian.graphql, by name. */
export const SCALARS: Readonly<Record<string, GraphQLScalarType>> = {
  ...Object.fromEntries(Object.entries(EXACT).map(([name, type]) => [name, exactScalar(name, type)])),
  JSON: json,
  ConsistencyToken: token,
};
