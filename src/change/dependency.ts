/** Owns the notation for tags in the SDL and in code: what custom reads depend on and what mutations invalidate. */
import { MeridianError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { columnOfField, type Entity, type Model } from '../model/model.ts';
import { didYouMean, snakeCase } from '../model/names.ts';
import { identifierOf, qualifiedName } from '../model/sql-names.ts';
import { normalizeValue } from '../model/values.ts';

/** What one text in the notation names. */
export type Dependency =
  /** Rows of the entity's table with these canonical values; no columns: any row. */
  | {
      readonly kind: 'rows';
      readonly entity: Entity;
      readonly columns: readonly string[];
      readonly values: readonly unknown[];
    }
  | { readonly kind: 'table'; readonly schema: string; readonly name: string }
  | { readonly kind: 'custom'; readonly name: string };

const NAMED = /^(?<entity>[A-Za-z_]\w*)(?:(?<sign>[:.])(?<rest>.*))?$/s;
const COLUMN = /^(?<column>"(?:[^"]|"")+"|[^=]+)=(?<value>.*)$/s;
const TABLE = 'table:';

/**
 * `Task` (any row), `Task:42` (by primary key; `Seat:A,3` or `Seat:["A",3]` if it is compound), `Task.projectId=7` (a
 * field or column), `table:audit.log` (any row of a table), or a name of the application's own, which begins with a
 * small letter. Throws `BAD_USER_INPUT`.
 */
export function readDependency(model: Model, text: string): Dependency {
  if (text === '' || !text.isWellFormed())
    throw mistake(text, 'is no name', 'name an entity, a table or a tag of your own');
  if (text.startsWith(TABLE)) return tableOf(text);
  const { entity: name = '', sign, rest = '' } = NAMED.exec(text)?.groups ?? {};
  const entity = model.entities.get(name);
  if (!entity) {
    // A misspelt entity would become a tag that no change ever names.
    if (/^[A-Z]/.test(text))
      throw mistake(
        text,
        `names no @entity${didYouMean(name, model.entities.keys())}`,
        'begin tags of your own with a small letter',
      );
    return { kind: 'custom', name: text };
  }
  if (sign === undefined) return { kind: 'rows', entity, columns: [], values: [] };
  return sign === ':' ? byKey(entity, text, rest) : byColumn(entity, text, rest);
}

function tableOf(text: string): Dependency {
  const { schema, name } = qualifiedName(text.slice(TABLE.length)) ?? { schema: null, name: '' };
  if (schema === null)
    throw mistake(
      text,
      'names no table',
      'write table:schema.name, as in table:public.tasks, a name with a dot or a quote in double quotes',
    );
  return { kind: 'table', schema, name };
}

function byKey(entity: Entity, text: string, rest: string): Dependency {
  const { primaryKey } = entity;
  const values = primaryKey.length === 1 ? [rest] : keyValues(rest, primaryKey.length);
  if (values.length !== primaryKey.length)
    throw mistake(
      text,
      `has ${values.length} ${values.length === 1 ? 'value' : 'values'} for the key ${primaryKey.join(', ')} of ${entity.name}`,
      'give one for each column, separated by commas, or a JSON array',
    );
  return {
    kind: 'rows',
    entity,
    columns: primaryKey,
    values: primaryKey.map((column, i) => canonical({ entity, column, value: values[i], text })),
  };
}

/** Text that contains commas needs the JSON array. */
function keyValues(rest: string, columns: number): readonly unknown[] {
  if (rest.startsWith('[')) {
    try {
      const values: unknown = parseJson(rest);
      if (Array.isArray(values) && values.length === columns) return values;
    } catch {
      // Not an array: the bracket belongs to the first value.
    }
  }
  return rest.split(',');
}

function byColumn(entity: Entity, text: string, rest: string): Dependency {
  const { column: name, value } = COLUMN.exec(rest)?.groups ?? {};
  if (name === undefined || value === undefined)
    throw mistake(text, 'gives no value', `write ${entity.name}.column=value`);
  const column = columnNamed(entity, name);
  if (column === null)
    throw mistake(
      text,
      `names "${name}", which is no column of ${entity.name}${didYouMean(
        name,
        [...entity.fields.keys(), ...entity.columns.keys()].filter(
          (candidate) => columnNamed(entity, candidate) !== null,
        ),
      )}`,
      'name a field that shows a column, or a column',
    );
  return { kind: 'rows', entity, columns: [column], values: [canonical({ entity, column, value, text })] };
}

function columnNamed(entity: Entity, name: string): string | null {
  const field = entity.fields.get(name);
  const identifier = identifierOf(name);
  if (identifier !== null && entity.columns.has(identifier)) return identifier;
  return (
    (field && columnOfField(field)) ?? [snakeCase(name), name].find((column) => entity.columns.has(column)) ?? null
  );
}

interface CanonicalInput {
  readonly entity: Entity;
  readonly column: string;
  readonly value: unknown;
  readonly text: string;
}

function canonical({ entity, column, value, text }: CanonicalInput): unknown {
  const type = entity.columns.get(column)?.type;
  if (!type)
    throw mistake(
      text,
      `names column "${column}", which ${entity.name} does not select`,
      'name a field that shows a column',
    );
  const normalized = normalizeValue(type, value);
  if ('problem' in normalized)
    throw mistake(text, `has a value for column "${column}" that must be ${normalized.problem}`, 'correct it');
  if (normalized.value === null)
    throw mistake(text, `has null for column "${column}"`, 'give a value, or name the entity alone');
  return normalized.value;
}

function mistake(text: string, what: string, fix: string): MeridianError {
  const joined = what.endsWith('?') ? `${what} ${fix.charAt(0).toUpperCase()}${fix.slice(1)}` : `${what}; ${fix}`;
  return new MeridianError({ code: 'BAD_USER_INPUT', message: `The tag ${JSON.stringify(text)} ${joined}.` });
}
