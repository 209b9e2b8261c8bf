/** Owns what types are made of: the fields of connections, filters, orders, inputs, payloads and conflicts of one entity. */
import { snakeCase } from '../../model/names.ts';
import { type EntitySketch, type MadePart, type SketchField } from './sketch.ts';

/** A field, or a value of an enum. */
export interface MadeField {
  readonly name: string;
  /** Its type and directives, or nothing in an enum. */
  readonly rest: string;
  readonly description?: string | undefined;
  /** What to do where the field turns out to be wrong. */
  readonly hint?: string;
}

export interface MadeType {
  readonly keyword: 'type' | 'input' | 'enum';
  readonly description?: string;
  /** Several subgraphs that show the same entity may each have the type. */
  readonly isShareable?: boolean;
  readonly fields: readonly MadeField[];
}

const plain = (fields: Readonly<Record<string, string>>): readonly MadeField[] =>
  Object.entries(fields).map(([name, rest]) => ({ name, rest }));

export function connectionOf({ name }: EntitySketch): MadeType {
  return {
    keyword: 'type',
    isShareable: true,
    fields: plain({ edges: `[${name}Edge!]!`, nodes: `[${name}!]!`, pageInfo: 'PageInfo!', totalCount: 'Int!' }),
  };
}

export function edgeOf({ name }: EntitySketch): MadeType {
  return { keyword: 'type', isShareable: true, fields: plain({ node: `${name}!`, cursor: 'String!' }) };
}

/** Scalars whose values can be compared and sorted, and what compares them. */
const COMPARED: ReadonlySet<string> = new Set([
  'ID',
  'String',
  'Int',
  'Float',
  'Boolean',
  'BigInt',
  'Decimal',
  'Date',
  'DateTime',
  'LocalDateTime',
  'Time',
  'UUID',
]);
const COMPARED_LISTS: ReadonlySet<string> = new Set(['String', 'Int']);

const COMBINING: ReadonlySet<string> = new Set(['and', 'or', 'not']);

/** Fields of the entity that would filter by a name which combines conditions. */
export function hiddenByCombining({ fields }: EntitySketch): readonly SketchField[] {
  return fields.filter(
    (field) => COMBINING.has(field.name) && filterType(field) !== null && !field.omitted.has('FILTER'),
  );
}

export function filterOf(entity: EntitySketch): MadeType {
  const filter = `${entity.name}Filter`;
  const fields = entity.fields.flatMap((field): readonly MadeField[] => {
    const type = COMBINING.has(field.name) || field.omitted.has('FILTER') ? null : filterType(field);
    return type === null
      ? []
      : [{ name: field.name, rest: type, hint: hintOf({ entity, field, made: filter, part: 'FILTER' }) }];
  });
  return { keyword: 'input', fields: [...fields, ...plain({ and: `[${filter}!]`, or: `[${filter}!]`, not: filter })] };
}

/** Operators of a scalar or of a list of one; of an enum, one of the values. */
function filterType({ kind, type, isEnum, lists }: SketchField): string | null {
  if (kind === 'other') return null;
  if (isEnum) return lists === 0 ? `[${type}!]` : null;
  if (lists === 0) return COMPARED.has(type) ? `${type}Filter` : null;
  return lists === 1 && COMPARED_LISTS.has(type) ? `${type}ListFilter` : null;
}

export function orderOf(entity: EntitySketch): MadeType {
  const sorted = entity.fields.filter(
    ({ kind, type, isEnum, lists, omitted }) =>
      kind === 'value' && lists === 0 && (isEnum || COMPARED.has(type)) && !omitted.has('ORDER'),
  );
  const constants = new Map(sorted.map((field) => [snakeCase(field.name).toUpperCase(), field]));
  return {
    keyword: 'enum',
    fields: [...constants].flatMap(([constant, field]) =>
      ['ASC', 'DESC'].map((direction) => ({
        name: `${constant}_${direction}`,
        rest: '',
        hint: hintOf({ entity, field, made: `${entity.name}Order`, part: 'ORDER' }),
      })),
    ),
  };
}

/** Moments that databases keep by themselves. */
const KEPT: ReadonlySet<string> = new Set(['createdAt', 'updatedAt']);
const MOMENTS: ReadonlySet<string> = new Set(['DateTime', 'LocalDateTime', 'Date']);

export interface InputOfInput {
  readonly entity: EntitySketch;
  readonly made: string;
  readonly part: 'CREATE' | 'UPDATE';
  /** Arguments of the mutations that take it, which name the row. */
  readonly keys: ReadonlySet<string>;
}

/** What a client may give: of a new row all that it must, of a change what it likes. */
export function inputOf({ entity, made, part, keys }: InputOfInput): MadeType {
  const isNamed = (name: string): boolean =>
    name === 'id' || (part === 'UPDATE' && (keys.has(name) || entity.key.includes(name)));
  const fields = entity.fields.filter(
    (field) =>
      field.kind !== 'other' &&
      !field.omitted.has(part) &&
      !isNamed(field.name) &&
      !(KEPT.has(field.name) && MOMENTS.has(field.type)) &&
      !shows(field, entity.version) &&
      !shows(field, entity.tenant),
  );
  return {
    keyword: 'input',
    fields: fields.map((field) => {
      const name = inputName(field);
      const isRequired = part === 'CREATE' && field.nonNull && !field.hasDefault;
      const named = field.kind === 'relation' && field.column !== null && snakeCase(name) !== field.column;
      return {
        name,
        rest: `${field.written}${isRequired ? '!' : ''}${named ? ` @column(name: ${JSON.stringify(field.column)})` : ''}`,
        description: field.node.description?.value,
        hint: hintOf({ entity, field, made, part }),
      };
    }),
  };
}

/** A directive's name of a column may be the column's, or that of the field which shows it. */
function shows(field: SketchField, column: string | null): boolean {
  if (column === null) return false;
  return (
    [field.column, field.name].includes(column) ||
    (field.kind === 'relation' && `${snakeCase(field.name)}_id` === column)
  );
}

/** `project` is given by `projectId`; `assignee @relation(from: ["worker_id"])` by `workerId`. */
function inputName({ kind, name, column }: SketchField): string {
  if (kind !== 'relation') return name;
  const camel = column?.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return camel !== undefined && /^[A-Za-z_]\w*$/.test(camel) ? camel : `${name}Id`;
}

export function payloadOf({ name }: EntitySketch, tellsConflicts: boolean): MadeType {
  const conflict = {
    name: 'conflict',
    rest: `${name}Conflict`,
    description: 'Why nothing was changed: the row is not as the writer saw it.',
  };
  return {
    keyword: 'type',
    fields: [
      { name: fieldOf(name), rest: name },
      ...(tellsConflicts ? [conflict] : []),
      { name: 'token', rest: 'ConsistencyToken!' },
    ],
  };
}

/** `OrderItem` → `orderItem`, `URL` → `url`. */
export function fieldOf(type: string): string {
  return type.replace(/^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]/, (start) => start.toLowerCase());
}

export function conflictOf({ name, fields, version }: EntitySketch): MadeType {
  const counted =
    version === null ? undefined : fields.find((field) => field.kind === 'value' && shows(field, version));
  return {
    keyword: 'type',
    description: 'The row as it stands, and which of the written fields somebody else has changed.',
    isShareable: true,
    fields: plain({
      reason: 'ConflictReason!',
      current: name,
      ...(counted ? { version: counted.type } : {}),
      fields: '[String!]!',
    }),
  };
}

interface HintOfInput {
  readonly entity: EntitySketch;
  readonly field: SketchField;
  readonly made: string;
  readonly part: MadePart;
}

function hintOf({ entity, field, made, part }: HintOfInput): string {
  const place = `${entity.name}.${field.name}`;
  const keyword = part === 'ORDER' ? 'enum' : 'input';
  return `${made} is made, and has this from ${place}: leave it out by @omit(from: [${part}]) on ${place}, give it otherwise in \`extend ${keyword} ${made}\`, or define ${made} whole`;
}
