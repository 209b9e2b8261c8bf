/**
 * Owns the error for a null where the schema declares a non-null field: it names the field, the source of the null, and
 * what to do.
 */
import { MeridianError } from '../base/errors.ts';
import { columnsOfField, type Entity, type Field, type Model } from '../model/model.ts';

/** Where graphql-js has found the null: the field, or one entry of its list. */
export interface NullSite {
  readonly type: string;
  readonly field: string;
  readonly isEntry: boolean;
}

const MESSAGE = /^Cannot return null for non-nullable field (\w+)\.(\w+)\.$/;

/** The place that graphql-js's message names; null for any other error. */
export function nullSiteOf(error: Error, path: readonly (string | number)[] | undefined): NullSite | null {
  const [, type, field] = MESSAGE.exec(error.message) ?? [];
  return type === undefined || field === undefined ? null : { type, field, isEntry: typeof path?.at(-1) === 'number' };
}

/** The error that tells of it. */
export function nullValue(model: Model, site: NullSite): MeridianError {
  const { type, field, isEntry } = site;
  const entity = model.entities.get(type);
  const mapped = entity?.fields.get(field);
  const columns = mapped ? columnsOfField(mapped) : [];
  const behind = entity && mapped && columns.length > 0 ? whatIsNull(entity, mapped, isEntry) : null;
  const [what, fix] =
    behind === null
      ? [
          `the resolver or the column behind it gave ${isEntry ? 'a list with a null in it' : 'null'}`,
          'It has to give a value there',
        ]
      : [behind, 'The row has to get a value there'];
  const declared = isEntry ? `an entry of ${type}.${field}` : `${type}.${field}`;
  return new MeridianError({
    code: 'NULL_VALUE',
    message: `There is nothing to show as ${declared}, which the schema declares non-null: ${what}. ${fix}, or the schema has to let the ${isEntry ? 'entries' : 'field'} be null.`,
    details: { type, field, ...(columns.length > 0 ? { columns } : {}) },
  });
}

function whatIsNull(entity: Entity, field: Field, isEntry: boolean): string {
  const [name = '', ...more] = columnsOfField(field);
  const column = entity.columns.get(name);
  if (more.length > 0) return `columns "${[name, ...more].join('", "')}" are NULL in this row`;
  if (field.kind !== 'column' || !column) return `column "${name}" is NULL in this row`;
  if (isEntry && column.type.array) return `the array in column "${name}" holds a NULL in this row`;
  if (column.type.kind !== 'json' || column.type.array) return `column "${name}" is NULL in this row`;
  if (isEntry) return `the document in column "${name}" holds a null in this row`;
  return column.nullable
    ? `column "${name}" is NULL in this row, or its document is JSON's null`
    : `the document in column "${name}" is JSON's null in this row`;
}
