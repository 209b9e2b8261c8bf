/** Owns how fields that lead from one type to another are called, and what `@relation` must say for them. */
import { tableKey, type ForeignKey } from '../model/catalog.ts';
import { snakeCase } from '../model/names.ts';
import { type EntityPlan, type GraphPlan, leadsToKey } from './plan.ts';
import { type PullRequest } from './request.ts';
import { camel, fieldNameOf, pluralFieldOf, takeFirst, wordsOf } from './words.ts';

export interface RelationPlan {
  readonly name: string;
  readonly target: EntityPlan;
  readonly kind: 'one' | 'many';
  readonly nonNull: boolean;
  readonly from: readonly string[] | null;
  readonly to: readonly string[] | null;
  /** Column that this field shows in place of a field of its own; null where there is one. */
  readonly column: string | null;
  readonly comment: string | null;
  /** The database has a value for that column. */
  readonly hasDefault: boolean;
}

/** Fields of every type that lead to others, by type; those that follow a key before those that come back by one. */
export function planRelations(
  request: PullRequest,
  graph: GraphPlan,
): ReadonlyMap<EntityPlan, readonly RelationPlan[]> {
  const byTable = new Map(graph.entities.map((entity) => [tableKey(entity.table), entity]));
  const plans = new Map<EntityPlan, RelationPlan[]>(graph.entities.map((entity) => [entity, []]));
  const found: { key: ForeignKey; entity: EntityPlan; target: EntityPlan; name: string }[] = [];
  for (const entity of graph.entities) {
    for (const key of entity.followed) {
      const target = byTable.get(tableKey(key.toTable));
      if (!target) continue;
      const name = forwardName(entity, target, key);
      plans.get(entity)?.push(forward(request, { entity, target, key, name }));
      found.push({ key, entity, target, name });
    }
  }
  for (const one of found) plans.get(one.target)?.push(backward(request, one, found));
  return plans;
}

const KEY_WORDS = new Set(['id', 'fk', 'uuid', 'key', 'code', 'no']);

/** `author_id` → `author`, `authorid` of `author` → `author`; of several columns the type's name. */
function forwardName(entity: EntityPlan, target: EntityPlan, key: ForeignKey): string {
  const [column = ''] =
    key.columns.filter((name) => !key.toColumns.includes(name)).length === 1
      ? key.columns.filter((name) => !key.toColumns.includes(name))
      : key.columns;
  const words = wordsOf(column);
  const plain = fieldNameOf(target.type);
  const last = words.at(-1) ?? '';
  const stripped = words.length > 1 && KEY_WORDS.has(last) ? camel(words.slice(0, -1)) : gluedName(words, target);
  const isSole = entity.followed.filter((other) => tableKey(other.toTable) === tableKey(key.toTable)).length === 1;
  const named =
    key.columns.length > 1 && isSole
      ? plain
      : (stripped ?? (last === 'id' || words.length === 0 ? plain : camel(words)));
  return takeFirst(entity.taken, [named, plain, `${named}Row`, `${named}${target.type}`]);
}

/** `authorid` and `territoryid` where no sign parts the words: what is before `id` is the other type, or ends or begins so. */
function gluedName(words: readonly string[], target: EntityPlan): string | null {
  const last = words.at(-1) ?? '';
  if (!/^.+id$/.test(last)) return null;
  const rest = last.slice(0, -2);
  const names = [wordsOf(target.type).join(''), wordsOf(target.table.name).join('')];
  if (names.includes(rest) && words.length === 1) return fieldNameOf(target.type);
  return names.some((name) => name.endsWith(rest) || rest.endsWith(name)) ? camel([...words.slice(0, -1), rest]) : null;
}

interface Link {
  readonly entity: EntityPlan;
  readonly target: EntityPlan;
  readonly key: ForeignKey;
  readonly name: string;
}

function forward(request: PullRequest, { entity, target, key, name }: Link): RelationPlan {
  const { table } = entity;
  const [column = ''] = key.columns;
  const rivals =
    request.catalog.tables
      .get(tableKey(table))
      ?.foreignKeys.filter((other) => tableKey(other.toTable) === tableKey(key.toTable)) ?? [];
  const isNamed = key.columns.length === 1 && [snakeCase(name), `${snakeCase(name)}_id`].includes(column);
  // Another column of the same name would be the one that is meant elsewhere, as in filters.
  const isClear =
    isNamed &&
    rivals.filter((other) => other.columns.includes(column)).length === 1 &&
    !(column === `${snakeCase(name)}_id` && table.columns.has(snakeCase(name)));
  const isProven = !request.notes.unproven.has(`${tableKey(table)} ${key.name}`);
  const shows = key.columns.length === 1 && !entity.fields.has(column);
  return {
    name,
    target,
    kind: 'one',
    nonNull: isProven && key.columns.every((one) => table.columns.get(one)?.nullable === false),
    from: isClear && leadsToKey(request, key) ? null : key.columns,
    to: leadsToKey(request, key) ? null : key.toColumns,
    column: shows ? column : null,
    hasDefault: table.columns.get(column)?.hasDefault === true,
    comment: shows ? (request.notes.tables.get(tableKey(table))?.columnComments.get(column) ?? null) : null,
  };
}

const WAYS_BACK: Readonly<Record<string, string>> = {
  parent: 'children',
  manager: 'directReports',
  supervisor: 'directReports',
  boss: 'directReports',
  reportsTo: 'directReports',
};

function backward(request: PullRequest, { key, entity, target, name }: Link, all: readonly Link[]): RelationPlan {
  const rivals = all.filter((other) => other.entity === entity && other.target === target);
  const isOne = entity.table.uniqueKeys.some(
    (unique) => unique.length === key.columns.length && unique.every((column) => key.columns.includes(column)),
  );
  const base = isOne ? fieldNameOf(entity.type) : pluralFieldOf(entity.type);
  const by = `${base}By${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const isSelf = entity === target;
  const isMain = !isSelf && (rivals.length === 1 || name === fieldNameOf(target.type));
  const own = isSelf && !isOne && rivals.length === 1 ? WAYS_BACK[name] : undefined;
  const chosen = takeFirst(target.taken, own ? [own, by] : isMain ? [base, by] : [by]);
  const isPlain = !isSelf && !isOne && chosen === pluralFieldOf(entity.type) && keysBetween(entity, target) === 1;
  return {
    name: chosen,
    target: entity,
    kind: isOne ? 'one' : 'many',
    nonNull: false,
    // Of one row, both sides are named: with one alone, the other row's key would be meant.
    from: leadsToKey(request, key) && !isOne ? null : key.toColumns,
    to: isPlain && leadsToKey(request, key) ? null : key.columns,
    column: null,
    comment: null,
    hasDefault: false,
  };
}

function keysBetween(entity: EntityPlan, target: EntityPlan): number {
  return entity.table.foreignKeys.filter(({ toTable }) => tableKey(toTable) === tableKey(target.table)).length;
}
