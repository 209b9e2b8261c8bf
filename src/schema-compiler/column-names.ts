/**
 * Owns what names and texts of the SDL mean in the catalog: a table, a column of an entity, nothing, or an ambiguity
 * between two.
 */
import { type GraphQLObjectType } from 'graphql';
import { quoteIdentifier } from '../base/sql-text.ts';
import { type CatalogColumn, type CatalogTable } from '../model/catalog.ts';
import { columnOfField, type Field } from '../model/model.ts';
import { snakeCase } from '../model/names.ts';
import { identifierOf } from '../model/sql-names.ts';
import { columnName, directiveOf, relationArguments } from './directives.ts';

/** An entity whose fields have been read in part. */
interface Draft {
  readonly type: GraphQLObjectType;
  readonly table: CatalogTable;
  readonly fields: ReadonlyMap<string, Field>;
}

/** What a name means; `doubt`: a predicate that names the alternatives and how to choose. */
export type Meaning = { readonly column: CatalogColumn | null } | { readonly doubt: string };

const CHOOSE = 'say which is meant with @column(name:)';

/**
 * The column that a name in the SDL means: a field of the entity, otherwise a column in snake_case, otherwise one of
 * exactly that name.
 */
export function columnNamed(draft: Draft, name: string): Meaning {
  const { table, type, fields } = draft;
  const field = fields.get(name);
  const declared = type.getFields()[name];
  const explicit = declared ? columnName(declared) : null;
  const called = [...new Set([snakeCase(name), name])].flatMap((one) => table.columns.get(one) ?? []);
  if (field?.kind === 'toOne' && field.isBack) {
    // The name means the relation, and no value of this row's says which row that is.
    return {
      doubt: `is named after ${type.name}.${name}, which is found by columns of ${field.target}'s rows and not of this one's; name a column with @column(name:)`,
    };
  }
  const via =
    field === undefined
      ? explicit === null
        ? null
        : columnSpelled(draft, explicit)
      : ownColumn(draft, columnOfField(field));
  if (via) {
    const other = isGuessed(draft, name) ? called.find((column) => column !== via) : undefined;
    return other
      ? {
          doubt: `could mean column ${quoted(other.name)}, or column ${quoted(via.name)}, by which ${type.name}.${name} finds its ${declared ? nameOfType(String(declared.type)) : 'row'}; ${CHOOSE}`,
        }
      : { column: via };
  }
  const [first, second] = called;
  return first && second
    ? { doubt: `could mean column ${quoted(first.name)} or column ${quoted(second.name)}; ${CHOOSE}` }
    : { column: first ?? columnOfRelation(draft, name) };
}

/** `favoriteId`, where no column is called so: the one by which `favorite` names its row. */
function columnOfRelation(draft: Draft, name: string): CatalogColumn | null {
  const relation = /^(.+)Id$/.exec(name)?.[1];
  const field = relation === undefined ? undefined : draft.fields.get(relation);
  return field?.kind === 'toOne' ? ownColumn(draft, columnOfField(field)) : null;
}

/** Whether the columns behind a field for another object were found and not named. */
function isGuessed({ type, fields }: Draft, name: string): boolean {
  const field = fields.get(name);
  const declared = type.getFields()[name];
  return (
    (field?.kind === 'toOne' || field?.kind === 'embedded') &&
    declared !== undefined &&
    relationArguments(directiveOf(declared, 'relation'))?.from == null
  );
}

function ownColumn({ table }: Draft, name: string | null): CatalogColumn | null {
  return name === null ? null : (table.columns.get(name) ?? null);
}

/** The column that a text names: exactly, or as in SQL, between double quotes. */
export function columnSpelled({ table }: Draft, text: string): CatalogColumn | null {
  const exact = table.columns.get(text);
  if (exact) return exact;
  const identifier = identifierOf(text);
  return identifier === null ? null : (table.columns.get(identifier) ?? null);
}

export type Term =
  | { readonly column: CatalogColumn; readonly descending: boolean }
  | { readonly problem: string | null; readonly name: string };

/**
 * A term of an order: a column (exactly, or in double quotes) or a field that shows one, followed by `ASC` or `DESC`.
 */
export function readTerm(draft: Draft, term: string): Term {
  const text = term.trim();
  const [, before, direction] = /^(.*\S)\s+(asc|desc)$/is.exec(text) ?? [];
  const [whole, cut] = [columnInTerm(draft, text), before === undefined ? null : columnInTerm(draft, before)];
  for (const meaning of [whole, cut])
    if (meaning && 'doubt' in meaning)
      return { problem: `which ${meaning.doubt.replace(CHOOSE, 'name the column')}`, name: text };
  const [first, second] = [whole, cut].map((meaning) => (meaning && 'column' in meaning ? meaning.column : null));
  if (first && second)
    return {
      problem: `which could mean column ${quoted(first.name)}, or column ${quoted(second.name)} and its direction; put the name in double quotes: ${spelledAgain(first.name)}`,
      name: text,
    };
  if (first) return { column: first, descending: false };
  if (second) return { column: second, descending: direction?.toLowerCase() === 'desc' };
  return { problem: null, name: before ?? text };
}

function columnInTerm(draft: Draft, text: string): Meaning {
  const spelled = columnSpelled(draft, text);
  return spelled || identifierOf(text) !== null ? { column: spelled } : columnNamed(draft, text);
}

/** As written inside a string in the SDL. */
function spelledAgain(name: string): string {
  return JSON.stringify(quoteIdentifier(name));
}

function quoted(name: string): string {
  return `"${name}"`;
}

function nameOfType(type: string): string {
  return type.replace(/[[\]!]/g, '');
}
