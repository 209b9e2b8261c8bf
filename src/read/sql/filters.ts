/** Owns filters: the arguments that narrow a selection. All of them are validated before SQL is generated. */
import {
  type Entity,
  type EqualsFilter,
  type FilterField,
  type FilterInput,
  type Selection,
} from '../../model/model.ts';
import { argument, badInput, type Arguments } from '../input.ts';
import { compileOperator, equalsSql, type FilterLimits } from './operators.ts';
import { type Condition } from './order.ts';

export interface CompiledFilters {
  /** The conditions that must hold; empty when nothing narrows the selection. */
  readonly conditions: readonly Condition[];
  /** The client combined more than one condition, so there are too many shapes to prepare statements for. */
  readonly clientShaped: boolean;
}

interface Compilation {
  readonly entity: Entity;
  readonly limits: FilterLimits;
  conditions: number;
}

export interface CompileFiltersInput {
  readonly entity: Entity;
  readonly filters: Selection['filters'];
  readonly args: Arguments;
  readonly limits: FilterLimits;
}

/**
 * Compiles the selection's filter arguments into conditions. An argument that is null or omitted does not narrow.
 * Throws `BAD_USER_INPUT` that names the argument.
 *
 * Conditions are true or false, never unknown: `ne` and `notIn` keep rows whose column is NULL, `not` keeps exactly the
 * rows that its content does not match, `eq: null` is IS NULL, and an empty list contains no value.
 */
export function compileFilters({ entity, filters, args, limits }: CompileFiltersInput): CompiledFilters {
  const compilation: Compilation = { entity, limits, conditions: 0 };
  const conditions: Condition[] = [];
  let composed = 0;
  for (const [name, filter] of filters) {
    const given = argument(args, name) ?? null;
    if (given === null) continue;
    if (filter.kind === 'equals') {
      conditions.push(equalsOrOneOf({ compilation, filter, given, path: name }));
    } else {
      const before = compilation.conditions;
      conditions.push(compileInput({ compilation, input: filter.input, given, path: name, depth: 1 }));
      composed += compilation.conditions - before;
    }
  }
  return { conditions, clientShaped: composed > 1 };
}

/** The conjunction of the conditions. */
export function allOf(conditions: readonly Condition[]): Condition {
  return (params) => joined({ conditions, params, operator: ' AND ', none: 'TRUE' });
}

function anyOf(conditions: readonly Condition[]): Condition {
  return (params) => joined({ conditions, params, operator: ' OR ', none: 'FALSE' });
}

interface JoinedInput {
  readonly conditions: readonly Condition[];
  readonly params: Parameters<Condition>[0];
  readonly operator: string;
  readonly none: string;
}

function joined({ conditions, params, operator, none }: JoinedInput): string {
  if (conditions.length === 0) return none;
  const spelled = conditions.map((condition) => condition(params));
  return spelled.length === 1 ? (spelled[0] as string) : `(${spelled.join(operator)})`;
}

function counted(compilation: Compilation, path: string): void {
  compilation.conditions += 1;
  const limit = compilation.limits.maxFilterConditions;
  if (compilation.conditions > limit)
    throw badInput(`"${path}" brings the filter above ${limit} conditions, which is the limit (maxFilterConditions).`);
}

interface EqualsOrOneOfInput {
  readonly compilation: Compilation;
  readonly filter: EqualsFilter;
  readonly given: unknown;
  readonly path: string;
}

function equalsOrOneOf({
  compilation,
  filter: { column, isWhole = false },
  given,
  path,
}: EqualsOrOneOfInput): Condition {
  counted(compilation, path);
  const type = compilation.entity.columns.get(column)?.type;
  const list = Array.isArray(given) && type?.array !== true && !isWhole;
  return list
    ? compileOperator({ ...compilation, column, operator: 'in', path }, given)
    : equalsSql({ ...compilation, column, path }, given);
}

interface FilterObject {
  readonly compilation: Compilation;
  readonly input: FilterInput;
  readonly given: unknown;
  readonly path: string;
  readonly depth: number;
}

function compileInput({ compilation, input, given, path, depth }: FilterObject): Condition {
  const limit = compilation.limits.maxFilterDepth;
  if (depth > limit)
    throw badInput(`"${path}" is nested deeper than ${limit} levels, which is the limit (maxFilterDepth).`);
  const conditions = entriesOf(given, path).map(([name, value]) => {
    const field = input.fields.get(name);
    const here = `${path}.${name}`;
    if (!field) throw badInput(`"${here}" is not a field of ${input.name}.`);
    if (field.kind === 'equals') return equalsOrOneOf({ compilation, filter: field, given: value, path: here });
    if (field.kind === 'operators') return compileOperators({ compilation, field, value, path: here });
    return compileLogic({ compilation, input, kind: field.kind, value, at: { path: here, depth: depth + 1 } });
  });
  return allOf(conditions);
}

interface CompileLogicInput {
  readonly compilation: Compilation;
  readonly input: FilterInput;
  readonly kind: 'and' | 'or' | 'not';
  readonly value: unknown;
  readonly at: { readonly path: string; readonly depth: number };
}

function compileLogic({ compilation, input, kind, value, at }: CompileLogicInput): Condition {
  counted(compilation, at.path);
  if (kind === 'not') {
    const inner = compileInput({ compilation, input, given: value, path: at.path, depth: at.depth });
    return (params) => `((${inner(params)}) IS NOT TRUE)`;
  }
  // GraphQL accepts a single value in place of a list of one.
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const parts = items.map((item, i) =>
    compileInput({ compilation, input, given: item, path: `${at.path}[${i}]`, depth: at.depth }),
  );
  return kind === 'and' ? allOf(parts) : anyOf(parts);
}

interface CompileOperatorsInput {
  readonly compilation: Compilation;
  readonly field: Extract<FilterField, { kind: 'operators' }>;
  readonly value: unknown;
  readonly path: string;
}

function compileOperators({ compilation, field, value, path }: CompileOperatorsInput): Condition {
  const conditions = entriesOf(value, path).map(([name, operand]) => {
    const operator = field.operators.get(name);
    const here = `${path}.${name}`;
    if (!operator)
      throw badInput(`"${here}" is not an operator here; use one of ${[...field.operators.keys()].join(', ')}.`);
    counted(compilation, here);
    return compileOperator({ ...compilation, column: field.column, operator, path: here }, operand);
  });
  return allOf(conditions);
}

/**
 * The own entries that were given. GraphQL input objects have no prototype, but JavaScript objects may have a malicious
 * one.
 */
function entriesOf(given: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw badInput(
      `"${path}" must be an object of conditions${given === null ? '; leave it out, or ask for { isNull: true }' : ''}.`,
    );
  return Object.entries(given).filter(([, value]) => value !== undefined);
}
