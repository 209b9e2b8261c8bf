/** Owns the fields of `Query` and `Mutation`: how rows are found by their keys, listed and written. */
import { type CatalogColumn } from '../model/catalog.ts';
import { snakeCase } from '../model/names.ts';
import { type EntityPlan, type FieldPlan } from './plan.ts';
import { type RelationPlan } from './relations.ts';
import { camel, fieldNameOf, pluralFieldOf, quoted, takeFirst, wordsOf } from './words.ts';

export const PAGE = 'first: Int, after: String, last: Int, before: String';

export interface Roots {
  readonly queries: readonly string[];
  readonly mutations: readonly string[];
  /** What the made inputs must have besides: `extend input CreateTaskInput { … }`. */
  readonly inputs: readonly string[];
  readonly remarks: readonly string[];
}

interface RootsInput {
  readonly entity: EntityPlan;
  readonly relations: readonly RelationPlan[];
  readonly taken: { readonly queries: Set<string>; readonly mutations: Set<string> };
  readonly mutations: boolean;
}

/** Arguments of a list or connection of the entity; an order only where something can be sorted by. */
export function listArguments({ type, fields }: EntityPlan): string {
  const isSorted = [...fields.values()].some((field) => isSortable(field));
  return `filter: ${type}Filter, ${isSorted ? `orderBy: [${type}Order!], ` : ''}${PAGE}`;
}

function isSortable({ type, omitted }: FieldPlan): boolean {
  return !type.startsWith('[') && type !== 'JSON' && !omitted.includes('ORDER');
}

export function rootsOf(input: RootsInput): Roots {
  const { entity, taken } = input;
  const { type } = entity;
  const [one, many] = [fieldNameOf(type), pluralFieldOf(type)];
  const queries = entity.keys
    .slice(0, 1)
    .map((key) => `${takeFirst(taken.queries, [one, `${one}ByKey`])}(${argumentsOf(entity, key)}): ${type}`);
  const others = entity.table.uniqueKeys.filter(
    (key) => key.every((column) => entity.fields.has(column)) && !isSame(key, entity.keys[0] ?? []),
  );
  for (const key of others.filter((own, i) => others.findIndex((other) => isSame(own, other)) === i)) {
    const by = key.map((column) => capital(entity.fields.get(column)?.name ?? column)).join('And');
    queries.push(`${takeFirst(taken.queries, [`${one}By${by}`])}(${argumentsOf(entity, key)}): ${type}`);
  }
  const list = takeFirst(taken.queries, many === one ? [`all${type}`] : [many, `all${capital(many)}`]);
  queries.push(`${list}(${listArguments(entity)}): ${type}Connection!`);
  return { queries, ...(input.mutations ? mutationsOf(input) : { mutations: [], inputs: [], remarks: [] }) };
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((column) => other.includes(column));
}

function argumentsOf({ fields }: EntityPlan, key: readonly string[]): string {
  return key
    .map((column) => `${fields.get(column)?.name ?? column}: ${fields.get(column)?.type ?? 'String'}!`)
    .join(', ');
}

/** Moments that made inputs leave to the database. */
const KEPT = new Set(['createdAt', 'updatedAt']);
const MOMENTS = new Set(['DateTime', 'LocalDateTime', 'Date']);
const OF_PAYLOADS = new Set(['token', 'conflict']);

function mutationsOf({ entity, relations, taken }: RootsInput): Omit<Roots, 'queries'> {
  const { table, type, fields, keys } = entity;
  const none = { mutations: [], inputs: [], remarks: [] };
  if (table.kind === 'view') return none;
  if (OF_PAYLOADS.has(fieldNameOf(type)))
    return {
      ...none,
      remarks: [
        `No mutations are made: a payload has a field ${fieldNameOf(type)} of its own. Define payloads and add them.`,
      ],
    };
  const columns = [...table.columns.values()];
  const shownBy = (column: CatalogColumn): RelationPlan | undefined =>
    relations.find((relation) => relation.column === column.name);
  const needed = columns.filter((column) => !column.nullable && !column.hasDefault && !column.readOnly);
  const unknown = table.fillsOnInsert ? [] : needed.filter((column) => !fields.has(column.name) && !shownBy(column));
  const extra = needed.flatMap((column): readonly string[] => {
    const field = fields.get(column.name);
    const relation = shownBy(column);
    if (field) {
      const isGiven = field.nonNull && field.name !== 'id' && !(KEPT.has(field.name) && MOMENTS.has(field.type));
      return isGiven ? [] : [inputField(field.name, column.name, field.type)];
    }
    return relation && !relation.nonNull ? [inputField(camel(wordsOf(column.name)), column.name, 'ID')] : [];
  });
  const key = keys[0] ?? [];
  const isChangeable = columns.some((column) => {
    const field = fields.get(column.name);
    if (column.readOnly || key.includes(column.name)) return false;
    return field
      ? !(KEPT.has(field.name) && MOMENTS.has(field.type)) && field.name !== 'id'
      : shownBy(column) !== undefined;
  });
  const create = `${takeFirst(taken.mutations, [`create${type}`])}(input: Create${type}Input!): Create${type}Payload! @insert`;
  const update = `${takeFirst(taken.mutations, [`update${type}`])}(${argumentsOf(entity, key)}, input: Update${type}Input!): Update${type}Payload! @update`;
  const remove = `${takeFirst(taken.mutations, [`delete${type}`])}(${argumentsOf(entity, key)}): Delete${type}Payload! @delete`;
  return {
    mutations: [...(unknown.length === 0 ? [create] : []), ...(isChangeable ? [update] : []), remove],
    inputs:
      unknown.length === 0 && extra.length > 0
        ? [`extend input Create${type}Input {`, ...extra.map((line) => `  ${line}`), '}']
        : [],
    remarks:
      unknown.length === 0
        ? []
        : [
            `Nothing inserts rows: column ${unknown.map(({ name }) => name).join(', ')} must have a value, and no field shows it.`,
          ],
  };
}

function inputField(name: string, column: string, type: string): string {
  return `${name}: ${type}!${snakeCase(name) === column || name === column || name === 'id' ? '' : ` @column(name: ${quoted(column)})`}`;
}
