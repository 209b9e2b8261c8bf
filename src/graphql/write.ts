/** Owns the mutations that directives declare: one pipelined transaction within the viewer's tenant, then a payload whose reads see the write. */
import { type GraphQLFieldResolver } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type Entity, type WriteField } from '../model/model.ts';
import { readRow } from '../read/sql/columns.ts';
import { type WriteServer } from '../write/ports.ts';
import { writeStatements } from '../write/statements.ts';
import { tenantRefusal } from '../write/tenant.ts';
import { type RequestContext } from './context.ts';

export interface WriteDeps {
  readonly writer: WriteServer;
}

export function writeResolver(entity: Entity, field: WriteField, deps: WriteDeps): GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>> {
  return async (_parent, args, context, info) => {
    const { session, tenancy } = context.operation;
    const statements = writeStatements({ entity, field, args, tenancy });
    await session.admitWrite();
    const { result, position } = await deps.writer.pipelined(statements, { settings: context.settings, durability: field.durability, onRefused: (at) => session.saw(at) }).catch((error: unknown) => {
      throw tenantRefusal(error, entity, field.references) ?? error;
    });
    // Also where no row was found: whoever learned that has seen the primary as of this position.
    const scope = await context.operation.wrote(info, position);
    const returned = result.at(-1)?.rows[0];
    if (!returned) throw notFound(entity, field, args);
    const row = readRow(entity, returned);
    if (field.kind !== 'delete') scope.loaders.prime(entity.name, row);
    const payload: Record<string, unknown> = {};
    if (field.payload.entityField !== null) payload[field.payload.entityField] = row;
    if (field.payload.tokenField !== null) payload[field.payload.tokenField] = () => context.token();
    return payload;
  };
}

function notFound(entity: Entity, field: WriteField, args: Readonly<Record<string, unknown>>): MeridianError {
  const key = Object.fromEntries([...field.keyArguments.keys()].map((name) => [name, args[name]]));
  const named = Object.entries(key).map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ');
  return new MeridianError({ code: 'NOT_FOUND', message: `There is no ${entity.name} with ${named} to ${field.kind}; nothing was changed.`, details: { entity: entity.name, key } });
}
