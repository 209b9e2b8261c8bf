/**
 * Tests of the numbers of variables, representations and literals that JavaScript would change: what each type is
 * given, or how it refuses.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  buildSchema,
  GraphQLScalarType,
  Kind,
  parse,
  parseValue,
  print,
  validate,
  valueFromAST,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { isMeridianError, MeridianError } from '../../../src/base/errors.ts';
import { JsonNumber, parseJson } from '../../../src/base/json.ts';
import { floatLiterals } from '../../../src/graphql/literals.ts';
import { literalValue, rememberScalars, SCALARS } from '../../../src/graphql/scalars.ts';
import { fittedRepresentation, fittedVariables } from '../../../src/graphql/variables.ts';

const OWN = new GraphQLScalarType({ name: 'Own' });
const OWN_EXACT = new GraphQLScalarType({
  name: 'OwnExact',
  parseValue: (value) => value,
  parseLiteral: (node) => print(node),
});

function testSchema(): GraphQLSchema {
  const schema = buildSchema(`
    scalar BigInt  scalar Decimal  scalar JSON  scalar Own  scalar OwnExact  scalar Undefined  scalar UUID  scalar DateTime
    enum Mood { GOOD BAD }
    input Inner { id: ID decimal: Decimal json: JSON inner: Inner ids: [ID!] }
    type Thing { id: ID! weight: Float count: Int big: BigInt doc: JSON list: [ID!] inner: Thing }
    type Query { a(id: ID int: Int float: Float string: String boolean: Boolean big: BigInt decimal: Decimal json: JSON own: Own undefined: Undefined mood: Mood inner: Inner uuid: UUID at: DateTime): Thing }
  `);
  const resolvers: Record<string, unknown> = {
    BigInt: SCALARS['BigInt'],
    Decimal: SCALARS['Decimal'],
    JSON: SCALARS['JSON'],
    UUID: SCALARS['UUID'],
    DateTime: SCALARS['DateTime'],
    Own: OWN,
    OwnExact: OWN_EXACT,
  };
  for (const [name, scalar] of Object.entries(resolvers)) Object.assign(schema.getType(name) as object, scalar);
  rememberScalars(schema, resolvers);
  return schema;
}

const SCHEMA = testSchema();
const fitted = (declared: string, json: string): unknown => {
  const operation = parse(`query(${declared}) { a { id } }`).definitions[0] as OperationDefinitionNode;
  return fittedVariables(SCHEMA, operation, parseJson(json) as Record<string, unknown>);
};
const refusal = (work: () => unknown): string => {
  try {
    return `answered ${JSON.stringify(work())}`;
  } catch (error) {
    assert.ok(isMeridianError(error, 'BAD_USER_INPUT'));
    return error.message;
  }
};

describe('numbers of variables', () => {
  const REFUSED = Symbol('refused');
  const cases: readonly (readonly [type: string, number: string, right: unknown])[] = [
    ['ID', '9007199254740993', '9007199254740993'],
    ['ID', '123456789012345678901234567890', '123456789012345678901234567890'],
    ['ID', '1.0', '1'],
    ['ID', '1e3', '1000'],
    ['ID', '-0', '0'],
    ['ID', '1.10', REFUSED],
    ['ID', '1e400', REFUSED],
    ['ID', '1e21', REFUSED],
    ['ID', '9007199254740993.5', REFUSED],
    ['Int', '1.0', 1],
    ['Int', '1e3', 1000],
    ['Int', '-0', -0],
    ['Int', '1.10', REFUSED],
    ['Int', '9007199254740993', REFUSED],
    ['Int', '2147483648.0', REFUSED],
    ['Int', '1e-400', REFUSED],
    ['Float', '1.10', 1.1],
    ['Float', '9007199254740993', 9007199254740992],
    ['Float', '1e3', 1000],
    ['Float', '0e-400', 0],
    ['Float', '1e400', REFUSED],
    ['Float', '-1e400', REFUSED],
    ['Float', '1e-400', REFUSED],
    ['String', '1.10', REFUSED],
    ['Boolean', '1.0', REFUSED],
    ['Mood', '1.0', REFUSED],
    ['UUID', '1e3', REFUSED],
    ['DateTime', '1.0', REFUSED],
    ['Inner', '1.0', REFUSED],
    ['BigInt', '9007199254740993', '9007199254740993'],
    ['BigInt', '1.0', '1'],
    ['BigInt', '9223372036854775808', REFUSED],
    ['BigInt', '1.50', REFUSED],
    ['Decimal', '1.10', '1.10'],
    ['Decimal', '1234567890.123456789', '1234567890.123456789'],
    ['Decimal', '1e400', '1e400'],
    ['Decimal', '1e200000', REFUSED],
    ['JSON', '1e400', new JsonNumber('1e400')],
    ['Undefined', '1.10', new JsonNumber('1.10')],
    ['Own', '1.10', 1.1],
    ['Own', '9007199254740992', 9007199254740992],
    ['Own', '9007199254740993', REFUSED],
  ];
  for (const [type, number, right] of cases) {
    it(`fit ${type} or are refused: ${number}`, () => {
      for (const [declared, json, wrap] of [
        [type, number, (v: unknown) => v],
        [`${type}!`, number, (v: unknown) => v],
        [`[${type}!]!`, `[${number}]`, (v: unknown) => [v]],
        [`[${type}]`, number, (v: unknown) => v],
      ] as const) {
        const work = (): unknown => fitted(`$v: ${declared}`, `{"v":${json}}`);
        if (right === REFUSED)
          assert.match(
            refusal(work),
            new RegExp(
              `^Variable "\\$v(\\[0\\])?" got invalid value ${number.replaceAll('.', '\\.').replaceAll('+', '\\+')}; .+\\.$`,
            ),
            declared,
          );
        else assert.deepEqual(work(), { v: wrap(right) }, declared);
      }
    });
  }

  it('are found in inputs within inputs, and the place is named', () => {
    const json = '{"i":{"id":9007199254740993,"inner":{"decimal":1.10,"json":{"a":[1.10]},"ids":[1.0,"x"]}},"n":1}';
    const right = {
      i: { id: '9007199254740993', inner: { decimal: '1.10', json: { a: [new JsonNumber('1.10')] }, ids: ['1', 'x'] } },
      n: 1,
    };
    assert.deepEqual(fitted('$i: Inner!, $n: Int', json), right);
    assert.match(
      refusal(() => fitted('$i: [Inner!]', '{"i":[{"inner":{"ids":["x",1.5e400]}}]}')),
      /^Variable "\$i\[0\]\.inner\.ids\[1\]" got invalid value 1\.5e400; ID must be text or a whole number; send it as a string\.$/,
    );
    assert.match(
      refusal(() => fitted('$o: Own', '{"o":{"a":[9007199254740993]}}')),
      /"\$o\.a\[0\]" .* send it as a string/,
    );
    assert.deepEqual(fitted('$o: Own', '{"o":{"a":[1.10]}}'), { o: { a: [1.1] } });
  });

  it('leave variables without numbers as they are, and keys that are named like properties of every object', () => {
    const plain = { v: { a: 1 } };
    assert.equal(
      fittedVariables(SCHEMA, parse('query($v: JSON) { a { id } }').definitions[0] as OperationDefinitionNode, plain),
      plain,
    );
    assert.equal(
      JSON.stringify(fitted('$i: Inner, $j: JSON', '{"i":{"__proto__":1.10,"toString":1.10},"j":{"__proto__":1.10}}')),
      '{"i":{"__proto__":1.10,"toString":1.10},"j":{"__proto__":1.10}}',
    );
  });
});

describe('numbers of representations', () => {
  it('are what the fields of their type take', () => {
    const given = parseJson(
      '{"__typename":"Thing","id":9007199254740993,"weight":1.0,"count":2.0,"big":9007199254740993,"doc":{"a":1.10},"list":[1.0],"inner":{"id":1e3},"else":1.10}',
    ) as object;
    const right = {
      __typename: 'Thing',
      id: '9007199254740993',
      weight: 1,
      count: 2,
      big: '9007199254740993',
      doc: { a: new JsonNumber('1.10') },
      list: ['1'],
      inner: { id: '1000' },
      else: new JsonNumber('1.10'),
    };
    assert.deepEqual(fittedRepresentation(SCHEMA, 'Thing', given), right);
    assert.equal(
      refusal(() => fittedRepresentation(SCHEMA, 'Thing', parseJson('{"inner":{"id":1.5e400}}') as object)),
      'Representation "Thing.inner.id" got invalid value 1.5e400; ID must be text or a whole number; send it as a string.',
    );
  });
});

describe('literals', () => {
  const literal = (type: string, text: string): unknown =>
    valueFromAST(parseValue(text), SCHEMA.getType(type) as GraphQLInputType);
  it('of any shape equal JSON of the same text', () => {
    for (const text of [
      '9007199254740993',
      '0.1234567890123456789',
      '1.10',
      '-0',
      '1e400',
      '1',
      '0.5',
      '[1.10, [2, 1e3]]',
      '{a: {b: [1.10, null, true, "x"]}, c: -0}',
    ]) {
      const json = text.replaceAll(/([a-c]):/g, '"$1":');
      for (const type of ['JSON', 'Undefined'])
        assert.deepEqual(literal(type, text), parseJson(json), `${type} ${text}`);
    }
    assert.equal(
      JSON.stringify(literal('JSON', '{__proto__: {a: 1.10}, e: ENUM}')),
      '{"__proto__":{"a":1.10},"e":"ENUM"}',
    );
    assert.deepEqual(literalValue(parseValue('{a: $x, b: [$y]}'), { x: new JsonNumber('1.10') }), {
      a: new JsonNumber('1.10'),
      b: [undefined],
    });
  });

  it('of exact scalars keep every digit, or are refused as variables are', () => {
    for (const [type, text, right] of [
      ['BigInt', '9007199254740993', '9007199254740993'],
      ['BigInt', '1.0', '1'],
      ['Decimal', '1.10', '1.10'],
      ['Decimal', '0.1234567890123456789', '0.1234567890123456789'],
      ['Decimal', '1e400', '1e400'],
    ] as const)
      assert.equal(literal(type, text), right, `${type} ${text}`);
    for (const [type, text] of [
      ['BigInt', '1.5'],
      ['BigInt', 'true'],
      ['Decimal', 'true'],
      ['Decimal', '"x"'],
      ['Decimal', '{a: 1}'],
      ['DateTime', 'true'],
      ['DateTime', '1'],
      ['UUID', 'X'],
      ['BigInt', '9223372036854775808'],
    ] as const) {
      const parser = SCHEMA.getType(type) as GraphQLScalarType;
      assert.throws(
        () => parser.parseLiteral(parseValue(text), {}),
        (error: { originalError?: unknown }) =>
          error.originalError instanceof MeridianError && error.originalError.code === 'BAD_USER_INPUT',
        `${type} ${text}`,
      );
    }
  });

  it('of a scalar that the application defines are refused where it would be given a rounded number', () => {
    const own = SCHEMA.getType('Own') as GraphQLScalarType;
    for (const text of ['9007199254740993', '{a: [1, 0.1234567890123456789]}', '1e400']) {
      assert.throws(
        () => own.parseLiteral(parseValue(text), {}),
        /Own is given a JavaScript number, which cannot hold this one exactly; send it as a string/,
        text,
      );
    }
    assert.deepEqual(own.parseLiteral(parseValue('[1, 1.5, "9007199254740993"]'), {}), [1, 1.5, '9007199254740993']);
    const exact = SCHEMA.getType('OwnExact') as GraphQLScalarType;
    assert.equal(
      exact.parseLiteral(parseValue('9007199254740993'), {}),
      '9007199254740993',
      'a parseLiteral of its own reads the digits',
    );
  });

  it('of Float are refused where a double would be infinity or zero', () => {
    const errors = (text: string): readonly string[] =>
      validate(SCHEMA, parse(text), [floatLiterals]).map(({ message }) => message);
    for (const text of [
      '{ a(float: 1e400) { id } }',
      '{ a(float: -1e999) { id } }',
      '{ a(float: 1e-400) { id } }',
      `{ a(float: ${'9'.repeat(400)}) { id } }`,
      'query($f: Float = 1e400) { a(float: $f) { id } }',
      'query($f: [Float] = [1, 1e400]) { a { id } }',
    ]) {
      assert.equal(errors(text).length, 1, text);
      assert.match(errors(text)[0] ?? '', /Float must be a number within the range of a double/);
    }
    for (const text of [
      '{ a(float: 1e300) { id } }',
      '{ a(float: 0e-400) { id } }',
      '{ a(decimal: 1e400, json: 1e400) { id } }',
      '{ a(float: 9007199254740993) { id } }',
    ])
      assert.deepEqual(errors(text), [], text);
    assert.equal(parseValue('1').kind, Kind.INT);
  });
});
