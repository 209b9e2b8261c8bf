/**
 * Owns random operations over a schema: the same seed gives the same ones. They are valid, and spell one selection in
 * all the ways there are.
 */
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isInterfaceType,
  parse,
  validate,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { type Random } from './random.ts';

export interface RandomOperation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface RandomQueryOptions {
  readonly schema: GraphQLSchema;
  readonly random: Random;
  /** Values by the name of a scalar, or of an argument or input field, which goes first. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
  /** Fields of `Query` that are asked for. */
  readonly roots: readonly string[];
  readonly maxDepth?: number;
}

const ALIASES = ['a', 'b', 'constructor', 'toString', 'id', 'nodes'];
const TRIES = 200;

export function randomOperation(options: RandomQueryOptions): RandomOperation {
  for (let i = 0; i < TRIES; i += 1) {
    const made = new Writer(options).operation();
    if (validate(options.schema, parse(made.query)).length === 0) return made;
  }
  throw new Error('no valid operation came about');
}

class Writer {
  readonly #options: RandomQueryOptions;
  readonly #random: Random;
  readonly #variables = new Map<string, { readonly declaration: string; readonly value: unknown }>();
  readonly #fragments: string[] = [];

  constructor(options: RandomQueryOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  operation(): RandomOperation {
    const { schema, roots, maxDepth = 5 } = this.#options;
    const query = schema.getQueryType() as GraphQLCompositeType;
    const fields = Array.from({ length: 1 + this.#random.below(3) }, () =>
      this.#field(query, this.#random.pick(roots), maxDepth),
    );
    const text = `{ ${fields.join(' ')}${this.#chance(8) ? ' __typename' : ''} }`;
    const declarations = [...this.#variables.values()].map(({ declaration }) => declaration);
    const given = [...this.#variables]
      .filter(([, { value }]) => value !== undefined)
      .map(([name, { value }]) => [name, value] as const);
    return {
      query: `query Q${declarations.length > 0 ? `(${declarations.join(', ')})` : ''} ${text}\n${this.#fragments.join('\n')}`,
      variables: Object.fromEntries(given),
    };
  }

  /** Once in `of` times. */
  #chance(of: number): boolean {
    return this.#random.below(of) === 0;
  }

  #selections(type: GraphQLCompositeType, depth: number): string {
    const names = isObjectType(type) || isInterfaceType(type) ? Object.keys(type.getFields()) : [];
    const parts = Array.from({ length: 1 + this.#random.below(4) }, () => this.#part(type, names, depth)).filter(
      (part) => part !== '',
    );
    // Merged with itself, under another fragment.
    if (this.#chance(5) && parts[0] !== undefined) parts.push(`... { ${parts[0]} }`);
    return `{ ${parts.length > 0 ? parts.join(' ') : '__typename'} }`;
  }

  #part(type: GraphQLCompositeType, names: readonly string[], depth: number): string {
    if (names.length === 0 || this.#chance(6)) return this.#fragment(type, depth);
    if (this.#chance(8)) return this.#chance(2) ? '__typename' : 'kind: __typename';
    return this.#field(type, this.#random.pick(names), depth);
  }

  #fragment(type: GraphQLCompositeType, depth: number): string {
    const { schema } = this.#options;
    if (depth <= 0) return '__typename';
    const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
    const interfaces = isObjectType(type) ? type.getInterfaces() : [];
    const on: GraphQLCompositeType = this.#random.pick([type, ...possible, ...interfaces]);
    const inner = this.#selections(on, depth - 1);
    if (this.#chance(2))
      return `...${this.#chance(3) && on === type ? '' : ` on ${on.name}`}${this.#condition()} ${inner}`;
    const name = `F${this.#fragments.length}`;
    this.#fragments.push(`fragment ${name} on ${on.name} ${inner}`);
    return `...${name}${this.#condition()}${this.#chance(4) ? ` ...${name}` : ''}`;
  }

  #field(type: GraphQLCompositeType, name: string, depth: number): string {
    const field = (isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined) as
      GraphQLField<unknown, unknown> | undefined;
    if (!field) throw new Error(`${type.name} has no ${name}`);
    const named = getNamedType(field.type);
    if (isCompositeType(named) && depth <= 0) return '';
    const alias = this.#chance(5) ? `${this.#random.pick(ALIASES)}: ` : '';
    const selections = isCompositeType(named) ? ` ${this.#selections(named, depth - 1)}` : '';
    return `${alias}${name}${this.#arguments(field.args)}${this.#condition()}${selections}`;
  }

  #condition(): string {
    if (!this.#chance(6)) return '';
    const directive = this.#chance(2) ? 'skip' : 'include';
    if (this.#chance(2)) return ` @${directive}(if: ${this.#chance(2)})`;
    const name = `if${this.#random.below(3)}`;
    if (!this.#variables.has(name))
      this.#variables.set(
        name,
        this.#chance(3)
          ? { declaration: `$${name}: Boolean = ${this.#chance(2)}`, value: undefined }
          : { declaration: `$${name}: Boolean!`, value: this.#chance(2) },
      );
    return ` @${directive}(if: $${name})`;
  }

  #arguments(args: readonly GraphQLArgument[]): string {
    const given = args.flatMap((argument) => {
      const isNeeded = isNonNullType(argument.type) && argument.defaultValue === undefined;
      if (!isNeeded && !this.#chance(3)) return [];
      const value = this.#value(argument.type, argument.name, 3);
      if (value === undefined) return [];
      return [
        `${argument.name}: ${this.#chance(3) ? this.#variable(argument.type, value) : literal(value, argument.type)}`,
      ];
    });
    return given.length > 0 ? `(${given.join(', ')})` : '';
  }

  #variable(type: GraphQLInputType, value: unknown): string {
    const name = `v${this.#variables.size}`;
    const byDefault = !isNonNullType(type) && this.#chance(4);
    this.#variables.set(
      name,
      byDefault
        ? { declaration: `$${name}: ${String(type)} = ${literal(value, type)}`, value: undefined }
        : { declaration: `$${name}: ${String(type)}`, value },
    );
    return `$${name}`;
  }

  #value(type: GraphQLInputType, name: string, depth: number): unknown {
    if (!isNonNullType(type) && this.#chance(10)) return null;
    const own = this.#options.values[name];
    if (own && isLeafType(getNamedType(type)) && !isListType(getNullableType(type))) return this.#random.pick(own);
    const plain = getNullableType(type);
    if (isListType(plain)) return this.#items(plain.ofType, name, depth);
    if (isEnumType(plain)) return this.#random.pick(plain.getValues()).name;
    if (isInputObjectType(plain)) {
      if (depth <= 0) return {};
      const fields = this.#random.shuffled(Object.values(plain.getFields())).slice(0, 1 + this.#random.below(2));
      return Object.fromEntries(
        fields
          .map((field) => [field.name, this.#value(field.type, field.name, depth - 1)])
          .filter(([, value]) => value !== undefined),
      );
    }
    const pool = this.#options.values[(plain as GraphQLNamedType).name];
    return pool ? this.#random.pick(pool) : undefined;
  }

  #items(type: GraphQLInputType, name: string, depth: number): unknown {
    const own = this.#options.values[name];
    const items = Array.from({ length: this.#random.below(4) }, () =>
      own ? this.#random.pick(own) : this.#value(type, name, depth),
    ).filter((value) => value !== undefined);
    return isNonNullType(type) ? items.filter((value) => value !== null) : items;
  }
}

/** Enum values are bare names, of which a value alone does not tell. */
function literal(value: unknown, type: GraphQLInputType): string {
  if (value === null) return 'null';
  const plain = getNullableType(type);
  if (isListType(plain))
    return Array.isArray(value)
      ? `[${value.map((item) => literal(item, plain.ofType)).join(', ')}]`
      : literal(value, plain.ofType);
  if (isEnumType(plain)) return value as string;
  if (isInputObjectType(plain)) {
    const fields = plain.getFields();
    return `{${Object.entries(value as object)
      .map(([name, item]) => `${name}: ${literal(item, fields[name]?.type as GraphQLInputType)}`)
      .join(', ')}}`;
  }
  return anyLiteral(value);
}

function anyLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(anyLiteral).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, item]) => `${name}: ${anyLiteral(item)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
}
