/**
 * Owns the queries that are sent to other subgraphs' servers, and the validation of their answers: the server at the
 * other end may run another version, or not be Meridian at all.
 */
import { z } from 'zod';

const MAX_INT = 2 ** 31 - 1;
const int = z.int().min(0).max(MAX_INT);
/**
 * A value that does not fit its GraphQL type would fail the whole answer, so the schemas below check the range of each
 * value.
 */
const bigint = z.string().regex(/^-?\d{1,19}$/);
const moment = z.iso.datetime({ offset: true });
const milliseconds = z.number().nullable();

const cache = z.object({
  servers: int,
  caching: int,
  localHitRatio: z.number().nullable(),
  sharedHitRatio: z.number().nullable(),
  invalidationLagMs: milliseconds,
  invalidationLagP99Ms: milliseconds,
  entries: bigint,
  bytes: bigint,
  operationHitRatio: z.number().nullable(),
  operations: bigint,
  operationBytes: bigint,
});

const region = z.object({
  region: z.string(),
  subgraph: z.string().nullable(),
  cluster: z.string().nullable(),
  role: z.enum(['PRIMARY', 'REPLICA']).nullable(),
  status: z.enum(['HEALTHY', 'DEGRADED', 'UNREACHABLE']),
  databaseHealthy: z.boolean(),
  cacheHealthy: z.boolean().nullable(),
  cache: cache.nullable(),
  serverHealthy: z.boolean().nullable(),
  replicationLagMs: milliseconds,
  replicationLagBytes: bigint.nullable(),
  replayLsn: z.string().nullable(),
  timeline: int.nullable(),
  rttMs: milliseconds,
  alerts: z.array(
    z.object({ kind: z.enum(['LAG', 'UNREACHABLE', 'TAIL', 'PRIMARY']), message: z.string(), since: moment }),
  ),
  error: z.string().nullable(),
});

const conflict = z.object({
  id: z.string(),
  subgraph: z.string().nullable(),
  at: moment,
  entity: z.string(),
  rowId: z.string().nullable(),
  mutation: z.string(),
  policy: z.enum(['REJECT', 'LAST_WRITE_WINS', 'MERGE', 'HANDLER']),
  outcome: z.enum(['MERGED', 'OVERWRITTEN', 'HANDLED', 'DELETED', 'RESTORED', 'UPDATED', 'KEPT', 'REJECTED']),
  reason: z.enum(['CHANGED', 'DELETED', 'EXISTS', 'VERSION_UNKNOWN']).nullable(),
  winner: z.enum(['INCOMING', 'CURRENT', 'BOTH']),
  viewer: z.string().nullable(),
  tenant: z.string().nullable(),
  region: z.string(),
  seenVersion: bigint.nullable(),
  version: bigint.nullable(),
  newVersion: bigint.nullable(),
  base: z.unknown(),
  current: z.unknown(),
  incoming: z.unknown(),
  result: z.unknown(),
  fields: z.array(z.object({ column: z.string(), rule: z.string().nullable(), taken: z.string() })),
});

export type SiblingRegion = z.infer<typeof region>;
export type SiblingConflict = z.infer<typeof conflict>;

export interface SiblingQuestion<T> {
  readonly query: string;
  readonly field: string;
  readonly answer: z.ZodType<readonly T[]>;
}

/** Selects every field that the type has; GraphQL then returns only those that the client selected. */
export const regionHealthQuestion = (field: string): SiblingQuestion<SiblingRegion> => ({
  field,
  query: `query { ${field} { ${selection(region)} } }`,
  answer: z.array(region).min(1),
});

export const conflictsQuestion = (field: string): SiblingQuestion<SiblingConflict> => ({
  field,
  query: `query($entity: String, $id: ID, $since: DateTime, $before: ID, $first: Int) { ${field}(entity: $entity, id: $id, since: $since, before: $before, first: $first) { ${selection(conflict)} } }`,
  answer: z.array(conflict),
});

/** The errors of a refused query; the code and the message of the first one are reported. */
export const ERRORS = z
  .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }).optional() }))
  .min(1);

/** The GraphQL selection of the shape's fields: the query selects exactly what the schema validates. */
function selection(shape: z.ZodObject): string {
  return Object.entries(shape.shape)
    .map(([name, type]) => {
      const inner = objectIn(type as z.ZodType);
      return inner === null ? name : `${name} { ${selection(inner)} }`;
    })
    .join(' ');
}

function objectIn(type: z.ZodType): z.ZodObject | null {
  if (type instanceof z.ZodObject) return type;
  if (type instanceof z.ZodNullable) return objectIn(type.unwrap() as z.ZodType);
  return type instanceof z.ZodArray ? objectIn(type.element as z.ZodType) : null;
}
