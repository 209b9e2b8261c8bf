/**
 * Owns what must be a mistake at start: an operator or an order that PostgreSQL does not have for a column's type,
 * asked for in one schema for all types at once.
 */
import { isMeridianError } from '../../../src/base/errors.ts';
import { type SdlFile } from '../../../src/schema-compiler/files.ts';
import { type Oracle } from './oracle.ts';
import { OFFERED, type Report } from './report.ts';
import { graphName, qualified } from './schema.ts';
import { isJson, type ColumnType, type Extension } from './types.ts';

interface Offer {
  readonly name: string;
  readonly operand: (type: ColumnType) => string | null;
  /** What PostgreSQL is asked to plan. */
  readonly sql: (type: ColumnType, cast: string) => string;
}

const value = ({ isList, graphql }: ColumnType): string => (isList ? `[${graphql}]` : graphql);
const comparing =
  (operator: string) =>
  (_: ColumnType, cast: string): string =>
    `WHERE v::${cast} ${operator} NULL::${cast}`;
const ofScalar = (type: ColumnType, operand: string): string | null => (type.isList ? null : operand);
const ofList = (type: ColumnType, operand: string): string | null => (type.isList ? operand : null);

const OFFERS: readonly Offer[] = [
  { name: 'eq', operand: value, sql: comparing('=') },
  { name: 'ne', operand: value, sql: comparing('IS DISTINCT FROM') },
  { name: 'in', operand: (type) => ofScalar(type, `[${value(type)}]`), sql: comparing('=') },
  { name: 'notIn', operand: (type) => ofScalar(type, `[${value(type)}]`), sql: comparing('=') },
  { name: 'lt', operand: (type) => ofScalar(type, value(type)), sql: comparing('<') },
  { name: 'gte', operand: (type) => ofScalar(type, value(type)), sql: comparing('>=') },
  { name: 'has', operand: (type) => ofList(type, type.graphql), sql: comparing('@>') },
  { name: 'hasAny', operand: (type) => ofList(type, `[${type.graphql}!]`), sql: comparing('&&') },
  { name: 'orderBy', operand: () => null, sql: () => 'ORDER BY v' },
];

const startName = (type: ColumnType): string => `${graphName(type)}Start`;
const offerName = (type: ColumnType, { name }: Offer): string =>
  `${startName(type)}${name.charAt(0).toUpperCase()}${name.slice(1)}`;

function offersSdl(type: ColumnType): string {
  const name = startName(type);
  const offered = OFFERS.flatMap((offer) => {
    const operand = offer.operand(type);
    return operand === null ? [] : [{ offer, operand }];
  });
  return `
    type ${name} @entity(table: "v_${type.name}") @key(fields: "id") { id: ID! }
    ${offered.map(({ offer, operand }) => `input ${offerName(type, offer)} { ${offer.name}: ${operand} }`).join('\n')}
    input ${name}Filter { ${offered.map(({ offer }) => `v_${offer.name}: ${offerName(type, offer)} @column(name: "v")`).join(' ')} }
    enum ${name}OrderBy { V_ASC @column(name: "v") }
    extend type Query { ${name.charAt(0).toLowerCase()}${name.slice(1)}(filter: ${name}Filter, orderBy: ${name}OrderBy, first: Int): [${name}!]! }`;
}

/** `compile` starts a server's schema, or throws `SCHEMA_INVALID`. */
export async function refuseAtStart(parts: {
  readonly types: readonly ColumnType[];
  readonly oracle: Oracle;
  readonly report: Report;
  readonly outside: Extension;
  readonly compile: (files: readonly SdlFile[]) => Promise<unknown>;
}): Promise<void> {
  const { types, oracle, report, outside, compile } = parts;
  const body = [
    'scalar Bytes',
    `enum Mood { ${Array.from({ length: 9 }, (_, place) => `MOOD_${place}`).join(' ')} }`,
    ...types.map(offersSdl),
  ].join('\n');
  const said = await compile([{ name: 'start.graphql', body }]).then(() => [], problemsOf);
  for (const type of types) {
    for (const offer of OFFERS) {
      if (offer.name !== 'orderBy' && offer.operand(type) === null) continue;
      const place = `${OFFERED}: ${offer.name}`;
      // JSON is compared by its content, as `jsonb`, which both of its types are.
      const cast = isJson(type) ? (type.isList ? 'jsonb[]' : 'jsonb') : qualified(type.cast, outside);
      const refusal = await oracle.refusalOf(`SELECT id FROM v_${type.name} ${offer.sql(type, cast)}`);
      const isRefused = said.some((message) => message.includes(offerName(type, offer)));
      // What PostgreSQL has the server may offer, and need not.
      if (refusal === null && isRefused) report.refused(type.name, place);
      else if (refusal === null || isRefused) report.equal(type.name, place);
      else
        report.find({
          kind: 'is offered at start although PostgreSQL has it not',
          type: type.name,
          place,
          value: offer.name,
          expected: refusal,
          got: 'no problem',
          request: offersSdl(type).trim(),
        });
    }
  }
}

function problemsOf(error: unknown): readonly string[] {
  if (!isMeridianError(error, 'SCHEMA_INVALID')) throw error;
  return (error.details['problems'] as readonly { readonly message: string }[]).map(({ message }) => message);
}
