/** Owns the payloads of mutations: which field shows the row, the token, and the conflict that refused the write. */
import { isObjectType, type GraphQLObjectType } from 'graphql';
import { type ConflictField, type WriteField } from '../model/model.ts';
import { hasResolver, type Compilation, type Draft } from './context.ts';
import { shapeOf, type Shape } from './directives.ts';
import { type AnyField } from './selections.ts';
import { misfit } from './types.ts';

const REASON = 'ConflictReason';
const TOKEN = 'ConsistencyToken';

interface PayloadSite {
  readonly target: Draft;
  /** The mutation, for messages. */
  readonly place: string;
}

/** The contents of a payload's fields; null if one of them has none. */
export function readPayload(
  compilation: Compilation,
  site: PayloadSite,
  payload: GraphQLObjectType,
): WriteField['payload'] | null {
  const { target, place } = site;
  const { problems } = compilation;
  let entity: AnyField | null = null;
  let tokenField: string | null = null;
  let conflict: ConflictField | null = null;
  for (const field of Object.values(payload.getFields())) {
    if (hasResolver(compilation, payload.name, field.name)) continue;
    const { named, lists, nonNull } = shapeOf(field.type);
    if (lists === 0 && named === target.type && entity === null) entity = field;
    else if (lists === 0 && named.name === TOKEN && tokenField === null) tokenField = field.name;
    else if (lists === 0 && isObjectType(named) && tellsConflict(named) && conflict === null) {
      if (nonNull)
        problems.error(
          field.astNode,
          `${payload.name}.${field.name} is non-null, but most writes meet no conflict; declare it ${named.name}`,
        );
      conflict = readConflictType({ compilation, site, field: field.name, type: named });
      if (conflict === null) return null;
    } else {
      problems.error(
        field.astNode,
        `${payload.name}.${field.name} is neither the ${target.type.name} that ${place} writes nor its ConsistencyToken, nor of a type that tells of a conflict (with reason: ConflictReason!); remove it or write a resolver`,
      );
      return null;
    }
  }
  if (conflict !== null && entity !== null && shapeOf(entity.type).nonNull) {
    problems.error(
      entity.astNode,
      `${payload.name}.${entity.name} is non-null, but a refused write shows no ${target.type.name} there; declare it ${target.type.name}`,
    );
  }
  return {
    entityField: entity?.name ?? null,
    ...(entity !== null && shapeOf(entity.type).nonNull ? { entityRequired: true } : {}),
    tokenField,
    conflict,
  };
}

function tellsConflict(type: GraphQLObjectType): boolean {
  return Object.values(type.getFields()).some((field) => shapeOf(field.type).named.name === REASON);
}

interface ReadConflictTypeInput {
  readonly compilation: Compilation;
  readonly site: PayloadSite;
  readonly field: string;
  readonly type: GraphQLObjectType;
}

function readConflictType({
  compilation,
  site: { target, place },
  field,
  type,
}: ReadConflictTypeInput): ConflictField | null {
  const { problems } = compilation;
  const shown: { -readonly [K in Exclude<keyof ConflictField, 'field'>]: ConflictField[K] | null } = {
    reason: null,
    current: null,
    version: null,
    fields: null,
    token: null,
  };
  for (const candidate of Object.values(type.getFields())) {
    if (hasResolver(compilation, type.name, candidate.name)) continue;
    const what = meaningOf(target, candidate.name, shapeOf(candidate.type));
    if (what === null || shown[what] !== null) {
      problems.error(
        candidate.astNode,
        `${type.name}.${candidate.name} shows nothing of a conflict that ${place} may meet; a reason (ConflictReason!), the current row (${target.type.name}), its version, the fields in conflict ([String!]!) and a ConsistencyToken can be shown: remove it, or write a resolver`,
      );
      return null;
    }
    if (what === 'current' && shapeOf(candidate.type).nonNull)
      problems.error(
        candidate.astNode,
        `${type.name}.${candidate.name} is non-null, but the row may be gone; declare it ${target.type.name}`,
      );
    const version =
      what === 'version' && target.version !== null ? target.table.columns.get(target.version) : undefined;
    const wrong = version ? misfit({ column: version, shape: shapeOf(candidate.type), direction: 'output' }) : null;
    if (wrong !== null) problems.error(candidate.astNode, `${type.name}.${candidate.name}: ${wrong}`);
    if (what === 'version' && shapeOf(candidate.type).nonNull)
      problems.error(
        candidate.astNode,
        `${type.name}.${candidate.name} is non-null, but the row may be gone; let it be null`,
      );
    shown[what] = candidate.name;
  }
  return { ...shown, field, reason: shown.reason ?? '' };
}

function meaningOf(target: Draft, name: string, { named, lists }: Shape): Exclude<keyof ConflictField, 'field'> | null {
  if (lists === 1) return named.name === 'String' ? 'fields' : null;
  if (lists > 1) return null;
  if (named.name === REASON) return 'reason';
  if (named.name === TOKEN) return 'token';
  if (named === target.type) return 'current';
  return name === 'version' && target.version !== null ? 'version' : null;
}
