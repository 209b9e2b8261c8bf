/** Owns fields that return many rows: their arguments, fixed conditions, orders and limits. */
import { isObjectType, type GraphQLField } from 'graphql';
import {
  type ConnectionField,
  type CountField,
  type FilterArg,
  type Join,
  type ListField,
  type OrderArg,
} from '../model/model.ts';
import { didYouMean } from '../model/names.ts';
import { selectionCaching } from './caching.ts';
import { readOrder, type Compilation, type Draft } from './context.ts';
import { directiveOf, shapeOf, type RelationArguments } from './directives.ts';
import { readFilter, readOrderArgument } from './filters.ts';

export type AnyField = GraphQLField<unknown, unknown>;

export const ROOT_JOIN: Join = { from: [], to: [] };

export interface SelectionRequest {
  readonly target: Draft;
  readonly join: Join;
  readonly field: AnyField;
  readonly place: string;
  /** `@relation`, `@list` or `@count` of the field. */
  readonly relation: RelationArguments | null;
}

const PAGING = { list: ['first'], connection: ['first', 'after', 'last', 'before'], count: [] } as const;

export function readList(compilation: Compilation, request: SelectionRequest): ListField {
  const declared = positiveLimit(compilation, request);
  const limit = declared ?? compilation.limits.maxPageSize;
  const { field, place } = request;
  if (declared === null && !field.args.some(({ name }) => name === 'first')) compilation.boundless.set(place, field);
  checkDefaults(compilation, request, limit);
  return { kind: 'list', ...readSelection(compilation, request, 'list'), limit, cuts: declared !== null };
}

/** One line for all lists that may become longer than they can be shown. */
export function warnOfBoundless({ boundless, limits, problems }: Compilation): void {
  const [first] = boundless.values();
  if (!first) return;
  const places = [...boundless.keys()];
  const [who, take, be] =
    places.length === 1
      ? [places[0] ?? '', 'takes no argument first and declares no limit', 'it is']
      : [`${places.length} lists (${places.join(', ')})`, 'take no argument first and declare no limit', 'each is'];
  problems.warn(
    first.astNode,
    `${who} ${take}, so that ${be} an error (LIST_TOO_LONG) where there are more than ${limits.maxPageSize} rows (option maxPageSize); add first: Int, declare with limit: in @list or @relation how many are enough, or return a connection`,
  );
}

/** A client that names no number must not be refused because of the schema's default. */
function checkDefaults({ problems }: Compilation, { field, place }: SelectionRequest, most: number): void {
  for (const argument of field.args.filter(({ name }) => name === 'first' || name === 'last')) {
    const { defaultValue } = argument;
    if (typeof defaultValue === 'number' && (defaultValue > most || defaultValue < 0))
      problems.error(
        argument.astNode,
        `${place}(${argument.name}:) is ${defaultValue} unless a client says otherwise, but must be from 0 to ${most}; lower it, or raise the limit`,
      );
  }
}

export function readConnection(compilation: Compilation, request: SelectionRequest): ConnectionField {
  const { pageSize, maxPageSize } = compilation.limits;
  const limit = positiveLimit(compilation, request);
  if (limit !== null && limit > maxPageSize) {
    compilation.problems.error(
      request.relation?.node,
      `${request.place} has pages of ${limit} rows, above the largest page of ${maxPageSize}; lower the limit or raise the option maxPageSize`,
    );
  }
  checkDefaults(compilation, request, maxPageSize);
  return {
    kind: 'connection',
    ...readSelection(compilation, request, 'connection'),
    defaultPageSize: Math.min(limit ?? pageSize, maxPageSize),
    maxPageSize,
  };
}

export function readCount(compilation: Compilation, request: SelectionRequest): CountField {
  const { place, field } = request;
  const shape = shapeOf(field.type);
  if (!['Int', 'BigInt'].includes(shape.named.name) || shape.lists > 0)
    compilation.problems.error(field.astNode, `${place} counts rows and must be Int!, not ${String(field.type)}`);
  const { target, join, where, filters, caching } = readSelection(compilation, request, 'count');
  return { kind: 'count', target, join, where, filters, caching };
}

/** The entity of `@count(of:)`; reports it if there is none. */
export function countTarget(
  compilation: Compilation,
  name: string,
  { field, place }: Pick<SelectionRequest, 'field' | 'place'>,
): Draft | null {
  const target = compilation.drafts.get(name);
  if (target) return target;
  const type = compilation.schema.getType(name);
  if (isObjectType(type) && directiveOf(type, 'entity')) return null;
  compilation.problems.error(
    field.astNode,
    `${place} counts "${name}", which is no @entity${didYouMean(name, compilation.drafts.keys())}`,
  );
  return null;
}

function readSelection(compilation: Compilation, request: SelectionRequest, kind: keyof typeof PAGING) {
  const { target, join, place, field, relation } = request;
  const filters = new Map<string, FilterArg>();
  let orderArg: OrderArg | null = null;
  for (const argument of field.args) {
    const spot = `${place}(${argument.name}:)`;
    if ((PAGING.connection as readonly string[]).includes(argument.name))
      checkPaging({ compilation, request, kind, name: argument.name });
    else if (argument.name === 'orderBy' && kind !== 'count')
      orderArg = readOrderArgument({ compilation, draft: target, argument, place: spot });
    else {
      const filter = readFilter({ compilation, draft: target, argument, place: spot });
      if (filter) filters.set(argument.name, filter);
    }
  }
  if (relation?.where != null)
    compilation.conditions.push({ table: target.table, where: relation.where, node: relation.node, place });
  const orderBy = readOrder({
    compilation,
    draft: target,
    terms: relation?.orderBy ?? [],
    node: relation?.node ?? null,
    place,
  });
  const where = relation?.where ?? null;
  return {
    target: target.type.name,
    join,
    where,
    orderBy,
    filters,
    orderArg,
    caching: selectionCaching(compilation, { target, field, place, where, filters }),
  };
}

interface CheckPagingInput {
  readonly compilation: Compilation;
  readonly request: SelectionRequest;
  readonly kind: keyof typeof PAGING;
  readonly name: string;
}

function checkPaging({ compilation, request: { field, place }, kind, name }: CheckPagingInput): void {
  const argument = field.args.find((candidate) => candidate.name === name);
  if (!argument) return;
  if (!(PAGING[kind] as readonly string[]).includes(name)) {
    const fix = kind === 'list' ? 'return a connection, or page with first alone' : 'remove it';
    compilation.problems.error(argument.astNode, `${place}(${name}:) has no meaning on a ${kind}; ${fix}`);
    return;
  }
  const { named, lists } = shapeOf(argument.type);
  const expected = name === 'first' || name === 'last' ? 'Int' : 'String';
  const fits = named.name === expected || (expected === 'String' && named.name === 'ID');
  if (!fits || lists > 0)
    compilation.problems.error(
      argument.astNode,
      `${place}(${name}:) must be ${expected}, not ${String(argument.type)}`,
    );
}

function positiveLimit(compilation: Compilation, { relation, place }: SelectionRequest): number | null {
  const limit = relation?.limit ?? null;
  if (limit !== null && limit < 1) {
    compilation.problems.error(relation?.node, `${place} has a limit of ${limit}; give at least 1`);
    return null;
  }
  return limit;
}
