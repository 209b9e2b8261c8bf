/**
 * Owns numbers in a request's variables that a JavaScript number would change: each type gets a value that it accepts
 * exactly, or the request is refused. GraphQL's built-in scalars would only see the rounded number.
 */
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  typeFromAST,
  type GraphQLEnumType,
  type GraphQLScalarType,
  type GraphQLSchema,
  type GraphQLType,
  type OperationDefinitionNode,
} from 'graphql';
import { type MeridianError } from '../base/errors.ts';
import { JsonNumber } from '../base/json.ts';
import { badInput } from '../read/input.ts';
import { inexact, isExactScalar, isOpenScalar } from './scalars.ts';

type Variables = Record<string, unknown>;

/** Longer numbers are truncated in messages. */
const SHOWN_LENGTH = 60;
const MAX_INT = 2 ** 31 - 1;

/**
 * The variables in the form that execution accepts. Throws `BAD_USER_INPUT` that names the place of a number that does
 * not fit.
 */
export function fittedVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Variables,
): Variables {
  if (!holdsExactNumber(variables)) return variables;
  const types = new Map(
    variableDefinitions.map(({ variable, type }) => [variable.name.value, typeFromAST(schema, type as never)]),
  );
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      const type = types.get(name);
      return [name, type === undefined ? value : fit(type, value, `Variable "$${name}`)];
    }),
  );
}

/**
 * An entity's representation, with its fields in the form of the type. Throws `BAD_USER_INPUT` that names the field of
 * a number that does not fit.
 */
export function fittedRepresentation<T extends object>(schema: GraphQLSchema, type: string, representation: T): T {
  const entity = schema.getType(type);
  return entity === undefined || !holdsExactNumber(representation)
    ? representation
    : (fit(entity, representation, `Representation "${type}`) as T);
}

/** Whether it is an object of texts, numbers and the like alone, as most variables and keys are. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return false;
  for (const name in value) {
    const item = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof item === 'object' && item !== null) return false;
  }
  return true;
}

/** Level by level, without recursion: a client chooses how deep its variables are nested. */
function holdsExactNumber(value: unknown): boolean {
  if (isFlat(value)) return false;
  for (let level: readonly unknown[] = [value]; level.length > 0;) {
    const below: object[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      if (item instanceof JsonNumber) return true;
      for (const child of Object.values(item) as unknown[])
        if (typeof child === 'object' && child !== null) below.push(child);
    }
    level = below;
  }
  return false;
}

/** `path`: as in messages, up to a closing quote. */
function fit(type: GraphQLType, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return value;
  if (isNonNullType(type)) return fit(type.ofType, value, path);
  // GraphQL accepts a single value for a list of one.
  if (isListType(type))
    return Array.isArray(value)
      ? value.map((item, i) => fit(type.ofType, item, `${path}[${i}]`))
      : fit(type.ofType, value, path);
  if (isUnionType(type)) return value;
  if (isInputObjectType(type) || isObjectType(type) || isInterfaceType(type)) {
    if (value instanceof JsonNumber) throw refused(path, value, `${type.name} must be an object`);
    if (typeof value !== 'object' || Array.isArray(value)) return value;
    const fields = type.getFields();
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        Object.hasOwn(fields, name) && fields[name] ? fit(fields[name].type, item, `${path}.${name}`) : item,
      ]),
    );
  }
  return isOpenScalar(type) ? value : leaf(type, value, path);
}

function leaf(type: GraphQLScalarType | GraphQLEnumType, value: unknown, path: string): unknown {
  if (value instanceof JsonNumber) return leafNumber(type, value, path);
  if (typeof value !== 'object' || value === null) return value;
  // Only an application's own scalar accepts lists or objects.
  if (Array.isArray(value)) return value.map((item, i) => leaf(type, item, `${path}[${i}]`));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, leaf(type, item, `${path}.${name}`)]));
}

function leafNumber(type: GraphQLScalarType | GraphQLEnumType, value: JsonNumber, path: string): unknown {
  const { text, number } = value;
  if (isEnumType(type)) throw refused(path, value, `${type.name} must be one of its values`);
  if (isExactScalar(type)) return parsed(type, value, path);
  switch (type.name) {
    case 'ID': {
      if (/^(?:0|-?[1-9]\d*)$/.test(text)) return text;
      if (number !== null && Number.isInteger(number)) return String(number);
      throw refused(path, value, 'ID must be text or a whole number; send it as a string');
    }
    case 'Int':
      if (number !== null && Number.isInteger(number) && number >= -MAX_INT - 1 && number <= MAX_INT) return number;
      throw refused(path, value, `Int must be a whole number from ${-MAX_INT - 1} to ${MAX_INT}`);
    case 'Float':
      if (isDouble(text)) return Number(text);
      throw refused(path, value, 'Float must be a number within the range of a double');
    case 'String':
      throw refused(path, value, 'String must be text; send it as a string');
    case 'Boolean':
      throw refused(path, value, 'Boolean must be true or false');
    default:
      if (number !== null) return number;
      throw refused(path, value, inexact(type));
  }
}

function parsed(type: GraphQLScalarType, value: JsonNumber, path: string): unknown {
  try {
    return type.parseValue(value);
  } catch (error) {
    throw refused(
      path,
      value,
      error instanceof Error ? error.message.replace(/\.$/, '') : `${type.name} cannot be this`,
    );
  }
}

/** Whether the nearest double is neither infinity, nor zero for a number that is not zero. */
export function isDouble(text: string): boolean {
  const number = Number(text);
  return Number.isFinite(number) && (number !== 0 || !/^[^eE]*[1-9]/.test(text));
}

function refused(path: string, { text }: JsonNumber, problem: string): MeridianError {
  const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
  return badInput(`${path}" got invalid value ${shown}; ${problem}.`);
}
