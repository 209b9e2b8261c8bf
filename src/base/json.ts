/**
 * Owns JSON whose numbers keep every digit. `JSON.parse` makes a double of each number: it changes 9007199254740993 and
 * 0.1234567890123456789, turns 1e400 into Infinity, and drops the trailing zero of 1.10, which PostgreSQL keeps.
 * `parseJson` returns a `JsonNumber` for such numbers and plain values for everything else. `JSON.stringify` writes a
 * `JsonNumber` as it was read. Nearly all texts contain no such number: a scan, which is cheaper than parsing, detects
 * this, and `JSON.parse` does the work. Only other texts are parsed here. The library lossless-json would parse every
 * text in JavaScript and lose a key called `__proto__`.
 */

/** Available in every supported version of Node.js, but not yet in TypeScript's library. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** JavaScript writes whole numbers from here on with an exponent, so that their text no longer shows all digits. */
const EXPONENT_FROM = 1e21;

/** A number in JSON text that no JavaScript number equals, or that JavaScript would write differently. */
export class JsonNumber {
  /** As it stood in the JSON text. */
  readonly text: string;

  /** Throws `SyntaxError` for what is no JSON number. */
  constructor(text: string) {
    if (!NUMBER.test(text)) throw new SyntaxError(`${JSON.stringify(text.slice(0, 40))} is no JSON number`);
    this.text = text;
  }

  /** The equal JavaScript number; null if there is none, or if JavaScript writes it with an exponent. */
  get number(): number | null {
    const number = Number(this.text);
    return Math.abs(number) < EXPONENT_FROM && sameNumber(this.text, String(number)) ? number : null;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return rawJSON(this.text);
  }

  /**
   * A number if that is exact, else the digits: GraphQL's built-in scalars call this before they serialize an object.
   */
  valueOf(): number | string {
    return this.number ?? this.text;
  }

  /** Throws `TypeError` where arithmetic or a comparison would continue with another number. */
  [Symbol.toPrimitive](hint: string): number | string {
    if (hint === 'string') return this.text;
    const { number } = this;
    if (number === null)
      throw new TypeError(
        `the number ${this.text.slice(0, 40)} does not fit a JavaScript number; take its digits with String(value)`,
      );
    return number;
  }
}

/** The number that the text of a JSON number, or of a GraphQL literal, stands for. */
export function jsonNumber(text: string): number | JsonNumber {
  return isPlain(text) ? Number(text) : new JsonNumber(text);
}

/**
 * As `JSON.parse`, with a `JsonNumber` for every number that a JavaScript number would change. Throws `SyntaxError`.
 */
export function parseJson(text: string): unknown {
  return needsCare(text) ? parseExact(text) : JSON.parse(text);
}

/**
 * For JSON that JavaScript has written: numbers are JavaScript numbers again, however they are spelled. Throws
 * `SyntaxError`.
 */
export function parseWritten(text: string): unknown {
  return written(parseJson(text));
}

function written(value: unknown): unknown {
  if (value instanceof JsonNumber) return isWritten(value) ? Number(value.text) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(written);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, written(item)]));
}

function isWritten({ text }: JsonNumber): boolean {
  return String(Number(text)) === text;
}

/** Whether `parseJson` returns the number as a JavaScript number. */
export function isPlainNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0) && isPlain(String(value));
}

const BLANK = 32;
const QUOTE = 34;
const MINUS = 45;
const [ZERO, NINE] = [48, 57];
const BACKSLASH = 92;
/** A double holds this many digits exactly, whatever they are. */
const SAFE_DIGITS = 15;
/** Whole numbers, and fractions without zeros at their end; small ones are written with an exponent. */
const SHORT = /^(?:0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.(?!00000)\d*[1-9])$/;

/**
 * Whether JSON text contains something that `JSON.parse` would change: a number or a key. Does not check that the text
 * is JSON.
 */
export function needsCare(text: string): boolean {
  // The next one, looked for only when a string has been reached.
  let escape = -1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (escape < at) escape = nextEscape(text, at);
      if (escape < end && isMistakable(text, end)) return true;
      at = end;
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, at);
      if (!isShort(text, at, end) && !isPlain(text.slice(at, end))) return true;
      at = end - 1;
    }
  }
  return false;
}

/**
 * A quick check that accepts nearly all numbers: few digits, no zero at either end, no sign, no exponent, no fraction
 * below 1.
 */
function isShort(text: string, start: number, end: number): boolean {
  if (end - start > SAFE_DIGITS || text.charCodeAt(start) <= ZERO) return false;
  let hasPoint = false;
  for (let at = start + 1; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) continue;
    if (code !== POINT || hasPoint) return false;
    hasPoint = true;
  }
  const last = text.charCodeAt(end - 1);
  return !hasPoint || (last > ZERO && last <= NINE);
}

/** The index of the next backslash; the length of the text if there is none. */
function nextEscape(text: string, from: number): number {
  const at = text.indexOf('\\', from);
  return at === -1 ? text.length : at;
}

const KEY_ENDS = /\s*:/y;

/**
 * Whether a string with an escape is a key. V8 guesses a key from the last object that began alike: after it has seen
 * the key `a\`, it mistakes `"a\""` for it, and reads a wrong key or none (seen in Node.js 24.21).
 */
function isMistakable(text: string, end: number): boolean {
  KEY_ENDS.lastIndex = end + 1;
  return KEY_ENDS.test(text);
}

/** The index of the closing quote; the length of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((end - escapes) % 2 === 0) return end;
  }
  return text.length;
}

const PLUS = 43;
const POINT = 46;
const [SMALL_E, LARGE_E] = [101, 69];

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    const isPart =
      (code >= ZERO && code <= NINE) ||
      code === POINT ||
      code === SMALL_E ||
      code === LARGE_E ||
      code === PLUS ||
      code === MINUS;
    if (!isPart) break;
  }
  return end;
}

/**
 * Whether a JavaScript number equals this number and is written like it. Above 2^53 one double represents several whole
 * numbers, so those stay text.
 */
function isPlain(text: string): boolean {
  if (text.length <= SAFE_DIGITS && SHORT.test(text)) return true;
  const number = Number(text);
  return String(number) === text && (!Number.isInteger(number) || Number.isSafeInteger(number));
}

/** Whether two texts, each of them a finite number, represent the same number, whatever their zeros and exponents. */
function sameNumber(a: string, b: string): boolean {
  const [left, right] = [digitsOf(a), digitsOf(b)];
  return left !== null && right !== null && left === right;
}

/**
 * Sign, digits without zeros at either end, and the place of the point: one text for all spellings of a number, not
 * longer than they are; null if it is not a finite number. Exponents are exact up to 15 digits.
 */
export function digitsOf(text: string): string | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[3] ?? '';
  const digits = `${match[2]}${fraction}`.replace(/^0+/, '');
  if (digits === '') return '0';
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return `${match[1]}${digits.slice(0, end)}e${Number(match[4] ?? '0') - fraction.length + digits.length - end}`;
}

const TOKEN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const BLANKS = /[ \t\n\r]*/y;
/** A whole string without escapes, or characters that must be. */
// eslint-disable-next-line no-control-regex -- JSON allows none of these in a string
const AS_IT_STANDS = /^"[^"\\\u0000-\u001f]*"$/;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

interface Open {
  readonly container: unknown[] | Record<string, unknown>;
  /** Where the next value is stored; null in an array. */
  key: string | null;
}

/** Reads JSON token by token, without recursion, so that nesting may have any depth. */
class ExactReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const open: Open[] = [];
    for (;;) {
      let value = this.#opened(open);
      if (value === undefined) continue;
      for (;;) {
        const inner = open.at(-1);
        if (inner === undefined) {
          this.#blanks();
          if (this.#at < this.#text.length) throw this.#broken();
          return value;
        }
        put(inner, value);
        const next = this.#next();
        if (next === ',') {
          if (inner.key !== null) inner.key = this.#key();
          break;
        }
        if (next !== (inner.key === null ? ']' : '}')) throw this.#broken();
        open.pop();
        value = inner.container;
      }
    }
  }

  /** A complete value, or undefined if an array or object has begun whose first entry comes next. */
  #opened(open: Open[]): unknown {
    this.#blanks();
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first !== '{' && first !== '[') return this.#word();
    const container = first === '{' ? {} : [];
    this.#at += 1;
    this.#blanks();
    if (this.#text[this.#at] === (first === '{' ? '}' : ']')) {
      this.#at += 1;
      return container;
    }
    open.push({ container, key: first === '{' ? this.#key() : null });
    return undefined;
  }

  #key(): string {
    this.#blanks();
    if (this.#text[this.#at] !== '"') throw this.#broken();
    const key = this.#string();
    if (this.#next() !== ':') throw this.#broken();
    return key;
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at) + 1;
    const quoted = this.#text.slice(this.#at, end);
    this.#at = end;
    return AS_IT_STANDS.test(quoted) ? quoted.slice(1, -1) : (JSON.parse(quoted) as string);
  }

  #word(): unknown {
    TOKEN.lastIndex = this.#at;
    const token = TOKEN.exec(this.#text)?.[0];
    if (token === undefined) throw this.#broken();
    this.#at += token.length;
    const word = WORDS.get(token);
    return word === undefined ? jsonNumber(token) : word;
  }

  #next(): string | undefined {
    this.#blanks();
    this.#at += 1;
    return this.#text[this.#at - 1];
  }

  #blanks(): void {
    // There are nearly always none.
    if (this.#text.charCodeAt(this.#at) > BLANK) return;
    BLANKS.lastIndex = this.#at;
    BLANKS.test(this.#text);
    this.#at = BLANKS.lastIndex;
  }

  #broken(): SyntaxError {
    return new SyntaxError(`no JSON at character ${Math.min(this.#at, this.#text.length)}`);
  }
}

/** Stores a key called `__proto__` like any other key. */
function put({ container, key }: Open, value: unknown): void {
  if (key === null) (container as unknown[]).push(value);
  else if (key === '__proto__')
    Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
  else (container as Record<string, unknown>)[key] = value;
}

function parseExact(text: string): unknown {
  return new ExactReader(text).read();
}

/** A deep copy of JSON-like data: `structuredClone` would make plain objects of its `JsonNumber`s. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf<unknown>(item)])) as T;
}
