/**
 * Owns the mutations that directives declare: they run within the viewer's tenant, and return a payload whose reads see
 * the write, or that reports the conflict.
 */
import { Kind, type GraphQLFieldResolver, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql';
import { type ConflictHandler, type ConflictReason } from '../conflict/resolve.ts';
import { MeridianError } from '../base/errors.ts';
import { columnsOfField, type Entity, type Row, type WriteField } from '../model/model.ts';
import { type Metrics } from '../telemetry/metrics.ts';
import { mutate } from '../write/mutation.ts';
import { type WriteServer } from '../write/ports.ts';
import { type MutationResult } from '../write/row-writer.ts';
import { type RequestContext } from './context.ts';

/** The application's conflict handlers, by name. */
export type ConflictHandlers = Readonly<Record<string, ConflictHandler>>;

export interface WriteDeps {
  readonly writer: WriteServer;
  readonly handlers: ConflictHandlers;
  readonly metrics: Pick<Metrics, 'conflicts'> | null;
}

export function writeResolver(
  entity: Entity,
  field: WriteField,
  deps: WriteDeps,
): GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>> {
  const handler = entity.conflict.handler === null ? null : (deps.handlers[entity.conflict.handler] ?? null);
  return async (_parent, args, context, info) => {
    const { operation, viewer, settings } = context;
    const { session, tenancy } = operation;
    const idempotency = operation.step(info);
    await session.admitWrite();
    const { result, position, replayed } = await mutate(deps.writer, {
      write: { entity, field, args, tenancy },
      context: { mutation: info.fieldName, handler, idempotency, viewer, region: context.deps.region },
      options: { settings, durability: field.durability, onRefused: (at) => session.saw(at) },
    });
    const met = result.kind === 'conflict' ? 'REJECTED' : result.outcome;
    if (met !== null && !replayed)
      deps.metrics?.conflicts.inc({ entity: entity.name, policy: entity.conflict.policy, outcome: met });
    // Also if nothing was written: the result shows the primary as of this position.
    const scope = await operation.wrote(info, position);
    if (result.kind === 'conflict') return refused(result, { entity, field, args, context, info });
    // A stored outcome may be outdated: it is returned as the answer, but other reads may not be answered from it.
    if (field.kind !== 'delete' && !replayed && result.row !== null) scope.loaders.prime(entity.name, result.row);
    return payloadOf(field, result.row, context);
  };
}

function payloadOf(field: WriteField, row: Row | null, context: RequestContext): Record<string, unknown> {
  const { entityField, tokenField } = field.payload;
  return {
    ...(entityField === null ? {} : { [entityField]: row }),
    ...(tokenField === null ? {} : { [tokenField]: () => context.token() }),
  };
}

interface Refused {
  readonly entity: Entity;
  readonly field: WriteField;
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly info: GraphQLResolveInfo;
}

/**
 * A payload that reports the conflict, if the client selects that; otherwise throws `CONFLICT` or, for a row that is
 * gone, `NOT_FOUND`, so that no client mistakes a null for success.
 */
function refused(
  { reason, current, fields }: Extract<MutationResult, { kind: 'conflict' }>,
  { entity, field, args, context, info }: Refused,
): Record<string, unknown> {
  const version = current === null || entity.version === null ? null : current[entity.version];
  const names = namesOf(entity, field, fields);
  const shown = field.payload.conflict;
  if (shown !== null && selects(info, shown.field)) {
    const told = {
      [shown.reason]: reason,
      ...entry(shown.current, current),
      ...entry(shown.version, version),
      ...entry(shown.fields, names),
      ...entry(shown.token, () => context.token()),
    };
    return { ...payloadOf(field, null, context), [shown.field]: told };
  }
  const key = Object.fromEntries([...field.keyArguments.keys()].map((name) => [name, args[name]]));
  const named = Object.entries(key)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ');
  const details = { entity: entity.name, key, reason, version, fields: names };
  if (reason === 'DELETED')
    throw new MeridianError({
      code: 'NOT_FOUND',
      message: `There is no ${entity.name} with ${named} to ${field.kind}; nothing was changed.`,
      details,
    });
  if (reason === 'EXISTS')
    throw new MeridianError({
      code: 'CONFLICT',
      message: `Another ${entity.name} has a key that this one gives (${names.length > 0 ? `they differ in ${names.join(', ')}` : 'it is the same otherwise'}); nothing was written.`,
      details,
    });
  throw new MeridianError({
    code: 'CONFLICT',
    message: `The ${entity.name} with ${named} ${WHY[reason]}; nothing was changed. Read it again, and repeat the mutation with its version.`,
    details,
  });
}

const WHY: Readonly<Record<Exclude<ConflictReason, 'DELETED' | 'EXISTS'>, string>> = {
  CHANGED: 'has been changed since the version that this request saw',
  VERSION_UNKNOWN: 'has been changed since the version that this request saw, which is not kept any more',
};

/** Whether the mutation's own selection has the field, directly or in fragments. */
function selects({ fieldNodes, fragments }: GraphQLResolveInfo, name: string): boolean {
  const has = (set: SelectionSetNode | undefined): boolean =>
    (set?.selections ?? []).some((node) =>
      node.kind === Kind.FIELD
        ? node.name.value === name
        : has(node.kind === Kind.FRAGMENT_SPREAD ? fragments[node.name.value]?.selectionSet : node.selectionSet),
    );
  return fieldNodes.some((node) => has(node.selectionSet));
}

function entry(name: string | null, value: unknown): Record<string, unknown> {
  return name === null ? {} : { [name]: value };
}

/**
 * By the client's names: the input field's, otherwise the entity's. Columns that the client cannot see are not named.
 */
function namesOf(entity: Entity, field: WriteField, columns: readonly string[]): readonly string[] {
  const inputs = new Map([...field.values].map(([name, column]) => [column, name]));
  const shown = new Map(
    [...entity.fields].flatMap(([name, one]) => columnsOfField(one).map((column) => [column, name] as const)),
  );
  return columns
    .filter((column) => column !== entity.version)
    .flatMap((column) => inputs.get(column) ?? shown.get(column) ?? []);
}
