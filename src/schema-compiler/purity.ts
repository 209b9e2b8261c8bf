/** Owns the check of SQL conditions: whether a condition can change its result for a row that does not change. */
import { type Column } from '../model/model.ts';
import { namesTheMoment } from '../model/times.ts';
import { spelled, tokensOf, type Token } from './sql-tokens.ts';

export interface Purity {
  /** The table whose rows the condition is about. */
  readonly table: string;
  readonly columns: ReadonlyMap<string, Pick<Column, 'type'>>;
  /** Settings of the database that may be read, in lower case, and the name of the current user; null: neither. */
  readonly settings: ReadonlySet<string> | null;
}

/**
 * What could change the condition's result for the same row, as a predicate of it ("calls now()"); null if nothing
 * could. It has no grammar and no types: anything that is not known to be harmless is refused, since only a cache is
 * lost.
 */
export function impurity(condition: string, purity: Purity): string | null {
  const tokens = tokensOf(condition);
  if (typeof tokens === 'string') return tokens;
  return new Judge(tokens, purity).judge();
}

const OPERATORS: ReadonlySet<string> = new Set([
  '=',
  '<>',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '||',
  '~',
  '~*',
  '!~',
  '!~*',
  '~~',
  '~~*',
  '!~~',
  '!~~*',
  '->',
  '->>',
  '#>',
  '#>>',
  '@>',
  '<@',
  '&&',
  '?',
  '?|',
  '?&',
  '&',
  '|',
  '#',
  '<<',
  '>>',
]);
const KEYWORDS: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'in',
  'between',
  'symmetric',
  'like',
  'ilike',
  'escape',
  'is',
  'null',
  'true',
  'false',
  'unknown',
  'distinct',
  'any',
  'some',
  'all',
  'array',
  'case',
  'when',
  'then',
  'else',
  'end',
]);
/** Of these, the keywords after which a bracket cannot be a call. */
const BEFORE_BRACKETS: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'in',
  'between',
  'any',
  'some',
  'all',
  'case',
  'when',
  'then',
  'else',
]);
/** Immutable for every type that they accept. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  'coalesce',
  'nullif',
  'greatest',
  'least',
  'cast',
  'lower',
  'upper',
  'length',
  'char_length',
  'octet_length',
  'abs',
  'sign',
  'mod',
  'ceil',
  'ceiling',
  'floor',
  'round',
  'trunc',
  'btrim',
  'ltrim',
  'rtrim',
  'left',
  'right',
  'substr',
  'replace',
  'strpos',
  'starts_with',
  'split_part',
  'string_to_array',
  'cardinality',
  'array_length',
]);
/** Not columns, even if a column has the name: without quotes these words are functions. */
const WHO_READS: ReadonlySet<string> = new Set(['current_user', 'session_user', 'user', 'current_role']);
const TYPES: ReadonlySet<string> = new Set([
  'text',
  'character varying',
  'varchar',
  'name',
  'int',
  'integer',
  'bigint',
  'smallint',
  'int2',
  'int4',
  'int8',
  'numeric',
  'decimal',
  'real',
  'double precision',
  'float4',
  'float8',
  'boolean',
  'bool',
  'uuid',
  'interval',
  'jsonb',
]);
/** Text that is cast to one of these types may depend on the time: only literals with a fixed meaning are accepted. */
const TIMES: ReadonlySet<string> = new Set([
  'date',
  'timestamp',
  'timestamp without time zone',
  'timestamptz',
  'timestamp with time zone',
  'time',
  'time without time zone',
]);
const TIME_KINDS: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz', 'time']);
const LONGEST_TYPE = 4;

/** The operand of a cast: a literal, a column's kind, or anything else. */
type Operand = 'literal' | 'time' | 'other';

class Judge {
  readonly #tokens: readonly Token[];
  readonly #purity: Purity;
  /** By the index of an operand's last token. */
  readonly #operands = new Map<number, Operand>();
  #at = 0;

  constructor(tokens: readonly Token[], purity: Purity) {
    this.#tokens = tokens;
    this.#purity = purity;
  }

  judge(): string | null {
    while (this.#at < this.#tokens.length) {
      const problem = this.#step();
      if (problem !== null) return problem;
    }
    return null;
  }

  #token(ahead: number): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #isSign(ahead: number, text: string): boolean {
    const token = this.#token(ahead);
    return token?.kind === 'sign' && token.text === text;
  }

  #isWord(ahead: number, text: string): boolean {
    const token = this.#token(ahead);
    return token?.kind === 'word' && token.text === text;
  }

  /** Checks what begins here and moves past it. */
  #step(): string | null {
    const token = this.#token(0) as Token;
    switch (token.kind) {
      case 'number':
        return this.#pass(1);
      case 'text':
        return this.#literal(token.text);
      case 'sign':
        return this.#sign(token.text);
      case 'word':
      case 'quoted':
        return this.#name(token);
    }
  }

  #pass(tokens: number, operand?: Operand): null {
    this.#at += tokens;
    if (operand !== undefined) this.#operands.set(this.#at - 1, operand);
    return null;
  }

  #literal(text: string): string | null {
    // Two in a row are one: 'to' 'day'.
    if (this.#token(1)?.kind === 'text') return 'has a text in several pieces';
    return namesTheMoment(text)
      ? `has the text '${text}', which may mean the moment of reading`
      : this.#pass(1, 'literal');
  }

  #sign(text: string): string | null {
    if (text === '::') return this.#cast(1);
    if (text === ')') return this.#pass(1, this.#isBracketed() ? this.#operands.get(this.#at - 1) : undefined);
    if (text === '(' || text === ',' || text === ']') return this.#pass(1);
    if (text === '[') return this.#pass(1);
    return OPERATORS.has(text) ? this.#pass(1) : `has ${text}`;
  }

  /** Whether the closing bracket here belongs to `(operand)` and not to a call. */
  #isBracketed(): boolean {
    const before = this.#token(-3);
    return (
      this.#isSign(-2, '(') && (before === undefined || before.kind === 'sign' || BEFORE_BRACKETS.has(before.text))
    );
  }

  #name(token: Token): string | null {
    const { text } = token;
    const isWord = token.kind === 'word';
    if (this.#isSign(1, '(')) return isWord ? this.#call(text) : `calls ${text}()`;
    if (this.#isSign(1, '.')) return this.#qualified(text);
    if (isWord && WHO_READS.has(text))
      return this.#purity.settings === null ? `depends on ${text}` : this.#pass(1, 'other');
    if (isWord && text === 'as') return this.#cast(1);
    if (isWord && text === 'from') return this.#isWord(-1, 'distinct') ? this.#pass(1) : 'has a query of its own';
    if (isWord && KEYWORDS.has(text)) return this.#pass(1);
    const next = this.#token(1);
    if (next?.kind === 'text')
      return isWord && (TYPES.has(text) || TIMES.has(text)) ? this.#pass(1) : `has ${text} before a text`;
    return this.#column(text, 1, isWord);
  }

  #column(name: string, tokens: number, isWord: boolean): string | null {
    const column = isWord && CLOCKS.has(name) ? undefined : this.#purity.columns.get(name);
    if (column === undefined) return name === 'select' ? 'has a query of its own' : `depends on ${name}`;
    return this.#pass(tokens, TIME_KINDS.has(column.type.kind) && !column.type.array ? 'time' : 'other');
  }

  #qualified(table: string): string | null {
    const column = this.#token(2);
    if (
      table !== this.#purity.table ||
      (column?.kind !== 'word' && column?.kind !== 'quoted') ||
      this.#isSign(3, '(') ||
      this.#isSign(3, '.')
    )
      return `depends on ${table}.${column?.text ?? ''}`;
    return this.#column(column.text, 3, false);
  }

  #call(name: string): string | null {
    if (BEFORE_BRACKETS.has(name) || FUNCTIONS.has(name)) return this.#pass(1);
    return name === 'current_setting' ? this.#setting() : `calls ${name}()`;
  }

  /** `current_setting('app.tenant_id'::text, true)` */
  #setting(): string | null {
    const named = this.#token(2);
    if (named?.kind !== 'text') return 'calls current_setting() with a computed name';
    const afterName = this.#isSign(3, '::') && this.#isWord(4, 'text') ? 5 : 3;
    const afterFlag =
      this.#isSign(afterName, ',') && (this.#isWord(afterName + 1, 'true') || this.#isWord(afterName + 1, 'false'))
        ? afterName + 2
        : afterName;
    if (!this.#isSign(afterFlag, ')')) return 'calls current_setting() with a computed name';
    if (this.#purity.settings?.has(named.text.toLowerCase()) !== true)
      return `reads the setting ${named.text}${this.#purity.settings === null ? '' : ', which viewerSettings does not carry'}`;
    return this.#pass(afterFlag + 1, 'other');
  }

  /** The type's name begins `ahead`; the operand ends before this token. */
  #cast(ahead: number): string | null {
    const found = this.#typeAt(ahead);
    if (found === null) return `casts to ${this.#token(ahead)?.text ?? 'nothing'}`;
    const operand = this.#operands.get(this.#at - 1) ?? 'other';
    if (found.isTime && (operand === 'other' || found.isArray))
      return `casts to ${found.name} what may name the moment of reading`;
    return this.#pass(found.end, found.isTime ? 'time' : 'other');
  }

  #typeAt(
    ahead: number,
  ): { readonly name: string; readonly isTime: boolean; readonly isArray: boolean; readonly end: number } | null {
    const named = this.#typeName(ahead);
    if (named === null) return null;
    let { end } = named;
    if (this.#isSign(end, '(')) {
      while (this.#token(end + 1)?.kind === 'number' || this.#isSign(end + 1, ',')) end += 1;
      if (!this.#isSign(end + 1, ')')) return null;
      end += 2;
    }
    const isArray = this.#isSign(end, '[');
    while (this.#isSign(end, '[') && this.#isSign(end + 1, ']')) end += 2;
    return { name: named.name, isTime: TIMES.has(named.name), isArray, end };
  }

  #typeName(ahead: number): { readonly name: string; readonly end: number } | null {
    for (let words = LONGEST_TYPE; words > 0; words -= 1) {
      const tokens = Array.from({ length: words }, (_, i) => this.#token(ahead + i));
      const name = tokens.map((token) => (token?.kind === 'word' ? token.text : '"')).join(' ');
      if (TYPES.has(name) || TIMES.has(name)) return { name, end: ahead + words };
    }
    const isQualified = this.#isSign(ahead + 1, '.');
    const last = this.#token(isQualified ? ahead + 2 : ahead);
    if (last?.kind !== 'word' && last?.kind !== 'quoted') return null;
    const isEnum = [...this.#purity.columns.values()].some(
      ({ type }) => type.kind === 'enum' && spelled(type.sql) === last.text,
    );
    return isEnum ? { name: last.text, end: ahead + (isQualified ? 3 : 1) } : null;
  }
}

/** As `WHO_READS`, for the time. */
const CLOCKS: ReadonlySet<string> = new Set([
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
  'current_catalog',
  'current_schema',
  'system_user',
]);
