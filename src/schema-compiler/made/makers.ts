/** Owns which type a name and its places ask for, or the reason why they ask for none. */
import { isTypeDefinitionNode, Kind, type ASTNode, type DefinitionNode } from 'graphql';
import { textArgument } from '../directives.ts';
import { spotOf, type Problems } from '../problems.ts';
import { entityOfName, madeName, MADE_TYPES, type MadeName } from './names.ts';
import {
  conflictOf,
  connectionOf,
  edgeOf,
  fieldOf,
  filterOf,
  hiddenByCombining,
  inputOf,
  orderOf,
  payloadOf,
  type MadeType,
} from './parts.ts';
import { directiveOn, namedType, type Place } from './places.ts';
import { type EntitySketch } from './sketch.ts';

export interface Maker {
  /** The author's definitions. */
  readonly own: readonly DefinitionNode[];
  readonly entities: ReadonlyMap<string, EntitySketch>;
  readonly problems: Problems;
}

/** The type, or why there is none; null where the name ends like none that is made. */
export function makeOne(maker: Maker, name: string, places: readonly Place[]): MadeType | string | null {
  const parsed = madeName(name);
  if (!parsed) return null;
  const entity = entityOf(maker, parsed, places);
  if (!entity) return `no @entity goes by such a name; ${MADE_TYPES}`;
  switch (parsed.kind) {
    case 'connection':
      return (
        atPlace(places, 'answer') ??
        clash(maker, { made: name, part: `${entity.name}Edge`, field: 'node' }) ??
        connectionOf(entity)
      );
    case 'edge':
      return atPlace(places, 'answer') ?? edgeOf(entity);
    case 'filter':
      return atPlace(places, 'argument') ?? filter(maker, entity, places);
    case 'order':
      return atPlace(places, 'argument') ?? order(entity);
    case 'input':
      return input(name, entity, places);
    case 'payload':
      return payload(maker, { name, entity, places });
    case 'conflict':
      return atPlace(places, 'answer') ?? conflictOf(entity);
  }
}

/** The entity that a mutation's directive names, else the one in the type's name. */
function entityOf({ entities }: Maker, parsed: MadeName, places: readonly Place[]): EntitySketch | null {
  const named = ['input', 'payload'].includes(parsed.kind)
    ? writes(places)
        .map(({ directive }) => textArgument(directive, 'entity'))
        .find((name) => name !== null)
    : undefined;
  return entities.get(named ?? entityOfName(parsed, entities.keys()) ?? '') ?? null;
}

const PLACES = { answer: 'as the type of a field', argument: 'as the type of an argument of a field' } as const;

function atPlace(places: readonly Place[], as: keyof typeof PLACES): string | null {
  return places.some((place) => place.as === as)
    ? null
    : `it is made only where it is named ${PLACES[as]}; ${MADE_TYPES}`;
}

/** A type that is defined, and would stand where another one is needed. */
function clash({ own }: Maker, { made, part, field }: { made: string; part: string; field: string }): string | null {
  const known = own.find((node) => isTypeDefinitionNode(node) && node.name.value === part);
  if (!known) return null;
  const nodes = own.filter((node) => 'name' in node && node.name?.value === part);
  const has = nodes.some((node) => 'fields' in node && (node.fields ?? []).some((it) => it.name.value === field));
  const isEntity = nodes.some((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION && directiveOn(node, 'entity'));
  return has && !isEntity
    ? null
    : `it cannot be made, since its ${part} is defined at ${placeText(known)} and has another meaning there; define ${made}, too`;
}

function placeText(node: ASTNode): string {
  const { file, line } = spotOf(node);
  return `${file}:${line}`;
}

function filter({ problems }: Maker, entity: EntitySketch, places: readonly Place[]): MadeType {
  for (const field of hiddenByCombining(entity))
    problems.warn(
      field.node,
      `${entity.name}Filter, which ${nameOf(places[0])} names, has no condition on ${entity.name}.${field.name}, since \`${field.name}\` combines conditions there; add one of another name in \`extend input ${entity.name}Filter\`, with @column(name:), or say @omit(from: [FILTER]) on the field`,
    );
  return filterOf(entity);
}

function order(entity: EntitySketch): MadeType | string {
  const type = orderOf(entity);
  return type.fields.length > 0 ? type : `no field of ${entity.name} can be sorted by; take the argument out`;
}

interface Write {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly directive: NonNullable<ReturnType<typeof directiveOn>>;
  readonly place: Place;
}

/** Places on mutations by directive. */
function writes(places: readonly Place[]): readonly Write[] {
  return places.flatMap((place) =>
    (['insert', 'update', 'delete'] as const).flatMap((kind) => {
      const directive = directiveOn(place.field, kind);
      return directive ? [{ kind, directive, place }] : [];
    }),
  );
}

function input(name: string, entity: EntitySketch, places: readonly Place[]): MadeType | string {
  const found = writes(places).filter(({ kind, place }) => place.as === 'argument' && kind !== 'delete');
  const kinds = new Set(found.map(({ kind }) => kind));
  if (kinds.size === 0)
    return `it is made only where an argument of a mutation with @insert or @update names it; ${MADE_TYPES}`;
  if (kinds.size > 1)
    return `an @insert and an @update name it, which take different fields; name two, such as Create${entity.name}Input and Update${entity.name}Input`;
  const keys = found.flatMap(({ place: { field } }) => (field?.arguments ?? []).map((argument) => argument.name.value));
  const part = kinds.has('insert') ? 'CREATE' : 'UPDATE';
  const type = inputOf({ entity, made: name, part, keys: new Set(keys) });
  return type.fields.length > 0 ? type : `no field of ${entity.name} is left for a client to give; define it`;
}

function payload(
  maker: Maker,
  { name, entity, places }: { name: string; entity: EntitySketch; places: readonly Place[] },
): MadeType | string {
  const found = writes(places).filter(({ place }) => place.as === 'answer');
  if (found.length === 0)
    return `it is made only where a mutation with @insert, @update or @delete returns it; ${MADE_TYPES}`;
  const tellsConflicts = found.some(({ kind, place }) =>
    kind === 'insert' ? entity.resolvesInserts : asksForVersion(maker, place),
  );
  const field = fieldOf(entity.name);
  if (field === 'token' || (field === 'conflict' && tellsConflicts))
    return `it cannot be made, since its field \`${field}\` would have two meanings; define it`;
  const wrong = tellsConflicts ? clash(maker, { made: name, part: `${entity.name}Conflict`, field: 'reason' }) : null;
  return wrong ?? payloadOf(entity, tellsConflicts);
}

/** `expectedVersion` as an argument, or in an input that is written or extended. */
function asksForVersion({ own }: Maker, { field }: Place): boolean {
  const args = field?.arguments ?? [];
  const named = args.map((argument) => namedType(argument.type).name.value);
  const given = own.flatMap((node) =>
    (node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION || node.kind === Kind.INPUT_OBJECT_TYPE_EXTENSION) &&
    named.includes(node.name.value)
      ? (node.fields ?? [])
      : [],
  );
  return [...args, ...given].some((element) => element.name.value === 'expectedVersion');
}

function nameOf(place: Place | undefined): string {
  return place?.field ? `${place.parent}.${place.field.name.value}` : (place?.parent ?? '');
}
