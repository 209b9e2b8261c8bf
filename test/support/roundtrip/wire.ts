/** Owns values as they stand in requests and answers: JSON whose numbers keep the digits in which they are written. */

/** A number by its digits; no JavaScript number is made of it. */
export interface RawNumber {
  readonly rawJSON: string;
}

export type Wire = null | boolean | string | RawNumber | readonly Wire[] | { readonly [key: string]: Wire };

/** Node 24 has these; the library's declarations do not yet. */
const exact = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** The number that these digits spell: `num('1e400')`. Throws where they are no JSON number. */
export const num = (digits: string | number | bigint): RawNumber => exact.rawJSON(String(digits));

export const isNumber = (value: unknown): value is RawNumber => exact.isRawJSON(value);

export const toJson = (value: unknown): string => JSON.stringify(value);

const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))\s*/sy;

/**
 * Reads an answer token by token. `JSON.parse` could keep the digits as well, but not every key: where an object begins
 * like an earlier one, V8 takes the key `a"` for `a\`. Throws `SyntaxError`.
 */
export function readJson(text: string): Wire {
  const tokens = new Tokens(text);
  const value = tokens.value();
  tokens.end();
  return value;
}

class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Wire {
    const [, mark, string, number, word] = this.#next();
    if (string !== undefined) return JSON.parse(string) as string;
    if (number !== undefined) return num(number);
    if (word !== undefined) return word === 'null' ? null : word === 'true';
    if (mark === '[') return this.#list();
    if (mark === '{') return this.#object();
    throw this.#broken();
  }

  end(): void {
    if (this.#at !== this.#text.length) throw this.#broken();
  }

  #list(): Wire {
    const items: Wire[] = [];
    if (this.#takes(']')) return items;
    do items.push(this.value());
    while (this.#takes(','));
    if (!this.#takes(']')) throw this.#broken();
    return items;
  }

  #object(): Wire {
    const fields: (readonly [string, Wire])[] = [];
    if (this.#takes('}')) return {};
    do {
      const name = this.value();
      if (typeof name !== 'string' || !this.#takes(':')) throw this.#broken();
      fields.push([name, this.value()]);
    } while (this.#takes(','));
    if (!this.#takes('}')) throw this.#broken();
    // Not by assignments, which would set the prototype instead of a key of that name.
    return Object.fromEntries(fields);
  }

  #takes(mark: string): boolean {
    const at = this.#at;
    if (this.#next()[1] === mark) return true;
    this.#at = at;
    return false;
  }

  #next(): RegExpExecArray {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found === null) throw this.#broken();
    this.#at = TOKEN.lastIndex;
    return found;
  }

  #broken(): SyntaxError {
    return new SyntaxError(`no JSON at character ${this.#at}`);
  }
}

/** A number's digits, or a text itself; what else a value is has no short text. */
export function textOf(value: Wire): string {
  if (typeof value === 'string') return value;
  return isNumber(value) ? value.rawJSON : toJson(value);
}

const NAME = /^[_A-Za-z][_0-9A-Za-z]*$/;

/** As it stands in a GraphQL document; null where the document's grammar has no spelling for it. */
export function toLiteral(value: Wire): string | null {
  if (Array.isArray(value)) {
    const items = (value as readonly Wire[]).map(toLiteral);
    return items.includes(null) ? null : `[${items.join(', ')}]`;
  }
  if (value === null || typeof value !== 'object' || isNumber(value)) return literalOfText(toJson(value));
  const fields = Object.entries(value as Record<string, Wire>).map(([name, item]) => ({ name, text: toLiteral(item) }));
  // Two underscores at the front are allowed in an object's value, as they are in JSON.
  return fields.some(({ name, text }) => text === null || !NAME.test(name))
    ? null
    : `{${fields.map(({ name, text }) => `${name}: ${text}`).join(', ')}}`;
}

/**
 * GraphQL has JSON's escapes; a document must have no line break or control character inside of a string, as JSON must
 * not.
 */
function literalOfText(text: string): string {
  return text.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029').replaceAll('\u007f', '\\u007f');
}
