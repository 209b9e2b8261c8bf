/**
 * Owns what the catalog says about types: their base types, and the operators with which the database compares their
 * values.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type CatalogColumn, type PairOperator } from '../../model/catalog.ts';
import { type Operators, type ScalarKind, type SqlType } from '../../model/model.ts';

const KINDS: Readonly<Record<string, ScalarKind>> = {
  int2: 'int',
  int4: 'int',
  int8: 'bigint',
  float4: 'float',
  float8: 'float',
  numeric: 'numeric',
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  name: 'text',
  uuid: 'uuid',
  bool: 'bool',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  time: 'time',
  json: 'json',
  jsonb: 'json',
  bytea: 'bytea',
};
/** Types of extensions, whatever their schema. */
const EXTENSION_KINDS: Readonly<Record<string, ScalarKind>> = { citext: 'text' };

/**
 * The types of `$1` and the types that they consist of: the base type of a domain, the elements of an array, the
 * members of a composite type. Each comes with its default operator classes, chosen as `GetDefaultOpClass` does: that
 * of the type itself, else that of a type that it is binary-coercible to.
 */
export const READ_TYPES = `
WITH RECURSIVE reached (oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT x.oid FROM reached r JOIN pg_type t ON t.oid = r.oid CROSS JOIN LATERAL (
    SELECT t.typbasetype WHERE t.typtype = 'd'
    UNION ALL SELECT t.typelem WHERE t.typcategory = 'A' AND t.typelem <> 0
    UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS x (oid)
), classes AS (
  SELECT DISTINCT ON (r.oid, m.amname) r.oid, m.amname, c.opcfamily, c.opcintype
  FROM reached r JOIN pg_type t ON t.oid = r.oid JOIN pg_opclass c ON c.opcdefault JOIN pg_am m ON m.oid = c.opcmethod AND m.amname IN ('btree', 'hash')
  JOIN pg_type i ON i.oid = c.opcintype
  WHERE c.opcintype = r.oid OR (t.typtype, i.typname) IN (('e', 'anyenum'), ('r', 'anyrange'), ('m', 'anymultirange'), ('c', 'record'))
    OR (t.typcategory = 'A' AND t.typelem <> 0 AND i.typname = 'anyarray')
    OR EXISTS (SELECT FROM pg_cast s WHERE s.castsource = r.oid AND s.casttarget = c.opcintype AND s.castmethod = 'b' AND s.castcontext = 'i')
  ORDER BY r.oid, m.amname, c.opcintype = r.oid DESC, i.typispreferred DESC
)
SELECT t.oid::text, n.nspname AS schema, t.typname AS name, CASE n.nspname WHEN 'pg_catalog' THEN format_type(t.oid, -1) ELSE format('%I.%I', n.nspname, t.typname) END AS spelled, t.typtype AS type, t.typnotnull AS not_null, t.typispreferred AS preferred,
  CASE WHEN t.typtype = 'd' THEN t.typbasetype::text END AS base,
  CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem::text END AS element,
  CASE t.typtype WHEN 'c' THEN (SELECT json_agg(a.atttypid::text) FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS members,
  CASE t.typtype WHEN 'e' THEN (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid) END AS labels,
  (SELECT json_object_agg(c.amname, json_build_object('input', c.opcintype::text, 'inputName', format('%I.%I', ns.nspname, i.typname), 'isOpen', i.typtype = 'p', 'isPreferred', i.typispreferred,
     'operators', (SELECT json_object_agg(a.amopstrategy, json_build_array(os.nspname, o.oprname)) FROM pg_amop a JOIN pg_operator o ON o.oid = a.amopopr JOIN pg_namespace os ON os.oid = o.oprnamespace
        WHERE a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype AND a.amoppurpose = 's'),
     'across', (SELECT json_agg(json_build_object('right', a.amoprighttype::text, 'operator', json_build_array(os.nspname, o.oprname), 'rightName', (SELECT format('%I.%I', rs.nspname, r.typname) FROM pg_type r JOIN pg_namespace rs ON rs.oid = r.typnamespace WHERE r.oid = a.amoprighttype),
          'isUnstable', p.provolatile <> 'i')) FROM pg_amop a JOIN pg_operator o ON o.oid = a.amopopr JOIN pg_namespace os ON os.oid = o.oprnamespace JOIN pg_proc p ON p.oid = o.oprcode
        WHERE c.amname = 'btree' AND a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoprighttype <> c.opcintype AND a.amopstrategy = 3)))
   FROM classes c JOIN pg_type i ON i.oid = c.opcintype JOIN pg_namespace ns ON ns.oid = i.typnamespace WHERE c.oid = t.oid) AS classes,
  (SELECT os.nspname FROM pg_operator o JOIN pg_namespace os ON os.oid = o.oprnamespace WHERE o.oprname = '~~' AND o.oprleft = t.oid AND o.oprright = 'text'::regtype LIMIT 1) AS like,
  (SELECT json_agg(json_build_object('to', s.casttarget::text, 'isUnstable', coalesce(p.provolatile <> 'i', s.castmethod = 'i')))
   FROM pg_cast s LEFT JOIN pg_proc p ON p.oid = s.castfunc WHERE s.castsource = t.oid AND s.castcontext = 'i') AS casts
FROM reached r JOIN pg_type t ON t.oid = r.oid JOIN pg_namespace n ON n.oid = t.typnamespace`;

type Named = readonly [schema: string, name: string];

interface OperatorClass {
  /**
   * The type whose operators they are: the type itself, or one that it is binary-coercible to, as varchar is to text.
   */
  readonly input: string;
  readonly inputName: string;
  /** The input type is a pseudo-type: any array, any enum and so on. */
  readonly isOpen: boolean;
  readonly isPreferred: boolean;
  /** By strategy: 1 to 5 are `<`, `<=`, `=`, `>=`, `>` of btree, 1 is `=` of hash. */
  readonly operators: Readonly<Record<string, Named>> | null;
  /** Equality with other types of the same operator family. */
  readonly across:
    | readonly {
        readonly right: string;
        readonly rightName: string;
        readonly operator: Named;
        readonly isUnstable: boolean;
      }[]
    | null;
}

export interface TypeRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** Schema-qualified outside `pg_catalog`, since another connection may have another search path. */
  readonly spelled: string;
  readonly type: string;
  readonly not_null: boolean;
  readonly preferred: boolean;
  readonly base: string | null;
  readonly element: string | null;
  readonly members: readonly string[] | null;
  readonly labels: readonly string[] | null;
  readonly classes: { readonly btree?: OperatorClass; readonly hash?: OperatorClass } | null;
  readonly like: string | null;
  readonly casts: readonly { readonly to: string; readonly isUnstable: boolean }[] | null;
}

/**
 * Types whose equal values have equal text, unless the collation is nondeterministic. Not name, which truncates longer
 * keys; not char(n) and citext, whose equal values may differ in text.
 */
const EXACT: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'uuid', 'bool', 'text', 'varchar']);

/** What the catalog says about one column's type. */
export interface ColumnType extends Pick<CatalogColumn, 'type' | 'labels' | 'comparedAs'> {
  /** A domain between the column and the base type is NOT NULL. */
  readonly notNull: boolean;
  /** Equal values have equal text, unless the collation is nondeterministic. */
  readonly exact: boolean;
}

/** The base type under a domain, and the constraints of the domains in between. */
interface Under {
  readonly row: TypeRow;
  readonly ofDomain: boolean;
  readonly notNull: boolean;
}

/** The operator as SQL spells it; unqualified in `pg_catalog`, which is searched before all other schemas. */
export function operatorSql([schema, name]: Named): string {
  return schema === 'pg_catalog' ? name : `OPERATOR(${quoteIdentifier(schema)}.${name})`;
}

export class CatalogTypes {
  readonly #types: ReadonlyMap<string, TypeRow>;
  readonly #comparesPatternsLoosely: boolean;

  /** `version`: the server's `server_version_num`. */
  constructor(rows: readonly TypeRow[], version: number) {
    this.#types = new Map(rows.map((row) => [row.oid, row]));
    this.#comparesPatternsLoosely = version >= 180_000;
  }

  /** `isLoose`: the column's collation is nondeterministic. */
  columnType(oid: string, isLoose: boolean): ColumnType {
    const { row, ofDomain, notNull } = this.#under(oid);
    const entry = row.element === null ? null : this.#under(row.element);
    const of = entry?.row ?? row;
    const kind =
      of.type === 'e' ? 'enum' : ((of.schema === 'pg_catalog' ? KINDS[of.name] : EXTENSION_KINDS[of.name]) ?? 'other');
    const operators = this.#operatorsOf(row, { ofDomain: ofDomain || entry?.ofDomain === true, isLoose });
    const type: SqlType = {
      sql: `${of.spelled}${entry === null ? '' : '[]'}`,
      kind,
      array: entry !== null,
      ...(operators === null ? {} : { operators }),
    };
    return {
      type,
      labels: of.labels,
      notNull,
      comparedAs: this.#class(row)?.inputName ?? null,
      exact: entry === null && (of.type === 'e' || (of.schema === 'pg_catalog' && EXACT.has(of.name))),
    };
  }

  /**
   * How the database compares a value of one type with a value of another; null if it cannot without an explicit cast.
   */
  compare(left: string, right: string): PairOperator | null {
    const [one, other] = [this.#under(left).row, this.#under(right).row];
    const [a, b] = [this.#class(one), this.#class(other)];
    if (!a || !b) return null;
    const own = equalityOf(a);
    if (own && a.input === b.input) {
      // Two enums, or arrays of two element types, have the same operator but cannot be compared with each other.
      if (a.isOpen)
        return one.oid === other.oid && this.#hasEquality(one)
          ? { sql: operatorSql(own), left: null, right: null, isUnstable: false }
          : null;
      return { sql: operatorSql(own), left: a.inputName, right: a.inputName, isUnstable: false };
    }
    const across = a.across?.find(({ right: to }) => to === b.input);
    if (across)
      return {
        sql: operatorSql(across.operator),
        left: a.inputName,
        right: across.rightName,
        isUnstable: across.isUnstable,
      };
    return this.#throughCast({ type: one, of: a }, { type: other, of: b });
  }

  /** Casts one side implicitly to the other's type, as the database does when it resolves an operator. */
  #throughCast(one: Side, other: Side): PairOperator | null {
    const ways = [
      [one, other],
      [other, one],
    ].flatMap(([from, to]) => {
      const cast = from && to && !to.of.isOpen ? this.#castTo(from, to.of.input) : null;
      return cast && to ? [{ to, isUnstable: cast.isUnstable }] : [];
    });
    // Prefers the way that casts fewer operands, then the preferred type of the category.
    const rank = ({ to }: { to: Side }): number => (to.type.oid === to.of.input ? 2 : 0) + (to.of.isPreferred ? 1 : 0);
    const [best, second] = ways.sort((a, b) => rank(b) - rank(a));
    const equal = best && equalityOf(best.to.of);
    if (!best || !equal || (second && rank(best) === rank(second))) return null;
    return {
      sql: operatorSql(equal),
      left: best.to.of.inputName,
      right: best.to.of.inputName,
      isUnstable: best.isUnstable,
    };
  }

  #castTo({ type, of }: Side, to: string): { readonly isUnstable: boolean } | null {
    const own = type.casts?.find((cast) => cast.to === to);
    // A type that is binary-coercible to another one is cast as that type is.
    return own ?? this.#types.get(of.input)?.casts?.find((cast) => cast.to === to) ?? null;
  }

  #class({ classes }: TypeRow): OperatorClass | null {
    return classes?.btree ?? classes?.hash ?? null;
  }

  #row(oid: string): TypeRow {
    const row = this.#types.get(oid);
    if (!row) throw new Error('A type was dropped while the catalog was read; read it again.');
    return row;
  }

  #under(oid: string): Under {
    const row = this.#row(oid);
    if (row.base === null) return { row, ofDomain: false, notNull: false };
    const under = this.#under(row.base);
    return { row: under.row, ofDomain: true, notNull: row.not_null || under.notNull };
  }

  /** Null: all operators have their unqualified names. */
  #operatorsOf(
    row: TypeRow,
    { ofDomain, isLoose }: { readonly ofDomain: boolean; readonly isLoose: boolean },
  ): Operators | null {
    const equality = this.#hasEquality(row) ? equalityOf(this.#class(row)) : null;
    const order = this.#hasOrder(row) ? (row.classes?.btree?.operators ?? null) : null;
    const at = (strategy: number): string => operatorSql(order?.[strategy] ?? ['pg_catalog', '=']);
    const operators: Operators = {
      equal: equality === null ? null : operatorSql(equality),
      order: order === null ? null : { less: at(1), lessOrEqual: at(2), greaterOrEqual: at(4), greater: at(5) },
      like:
        isLoose && !this.#comparesPatternsLoosely
          ? null
          : row.like === null || row.like === 'pg_catalog'
            ? 'LIKE'
            : operatorSql([row.like, '~~']),
      ofDomain,
    };
    const { less, lessOrEqual, greaterOrEqual, greater } = operators.order ?? {};
    const isPlain =
      [operators.equal, less, lessOrEqual, greaterOrEqual, greater, operators.like].join(' ') === '= < <= >= > LIKE';
    return isPlain && !ofDomain ? null : operators;
  }

  /**
   * Arrays and composite types are compared element by element, so their element and member types must have an
   * equality.
   */
  #hasEquality(row: TypeRow): boolean {
    const parts = this.#partsOf(row);
    return equalityOf(this.#class(row)) !== null && parts.every((part) => this.#hasEquality(part));
  }

  #hasOrder(row: TypeRow): boolean {
    return row.classes?.btree !== undefined && this.#partsOf(row).every((part) => this.#hasOrder(part));
  }

  #partsOf({ element, members, classes }: TypeRow): readonly TypeRow[] {
    // `name` and similar types have elements but an operator class of their own.
    const isOpen = (classes?.btree ?? classes?.hash)?.isOpen === true;
    const parts = isOpen ? [...(element === null ? [] : [element]), ...(members ?? [])] : [];
    return parts.map((oid) => this.#under(oid).row);
  }
}

interface Side {
  readonly type: TypeRow;
  readonly of: OperatorClass;
}

function equalityOf(found: OperatorClass | null): Named | null {
  const { operators } = found ?? {};
  return operators?.['3'] ?? operators?.['1'] ?? null;
}
