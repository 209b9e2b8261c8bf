/** Owns tags: the names under which values are cached, and by which changes invalidate them. */
import { createHash } from 'node:crypto';
import { type Table } from '../model/model.ts';

/** A table as tags name it; every tag of its rows begins with it. */
export type TableTag = string & { readonly __brand: 'TableTag' };

/**
 * What a cached value depends on: the rows of one table whose `columns` have these values. No columns: any row of the
 * table. A row by its key, "no such row", and what is related by a foreign key are all of this one shape.
 */
export type Tag = string & { readonly __brand: 'Tag' };

/** Longer values are replaced by their hash, so that tags stay short whatever clients look up. */
const LONGEST_VALUE = 100;

export function tableTag({ schema, name }: Table): TableTag {
  return `${encodeURIComponent(schema)}.${encodeURIComponent(name)}` as TableTag;
}

/** `values`: one per column, as text that is equal where the values are. */
export function tagOf(table: TableTag, columns: readonly string[], values: readonly string[]): Tag {
  return tagsOver(table, columns)(values);
}

/** The same for many values of the same columns. */
export function tagsOver(table: TableTag, columns: readonly string[]): (values: readonly string[]) => Tag {
  const start = `${table}|${columns.map(encodeURIComponent).join(',')}|`;
  return (values) =>
    (start + (values.length === 1 ? shortened(values[0] as string) : values.map(shortened).join(','))) as Tag;
}

/** Any row of the table. */
export function anyRowTag(table: TableTag): Tag {
  return tagOf(table, [], []);
}

/** A name of the application's own, that a mutation invalidates and a custom read depends on. */
export function customTag(name: string): Tag {
  return `|!|${shortened(name)}` as Tag;
}

/** The table whose complete invalidation makes the tag's values wrong; null for a custom tag. */
export function tableOfTag(tag: Tag): TableTag | null {
  const table = tag.slice(0, tag.indexOf('|'));
  return table === '' ? null : (table as TableTag);
}

/** Text that needs no escape in a tag. */
const PLAIN = /^[\w.-]*$/;

function shortened(value: string): string {
  if (value.length <= LONGEST_VALUE && PLAIN.test(value)) return value;
  return value.length <= LONGEST_VALUE
    ? encodeURIComponent(value)
    : `#${createHash('sha256').update(value).digest('base64url')}`;
}
