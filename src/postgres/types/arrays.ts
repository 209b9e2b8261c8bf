/** Owns parsing PostgreSQL's array text: `{1,NULL,"a b"}`, nested, quoted, with or without bounds. */

const BOUNDS = /^(?:\[[+-]?\d+:[+-]?\d+\])+=/;

/** Throws `SyntaxError` if the text is not an array. NULL elements become null; bounds are ignored. */
export function parseArray(text: string, parse: (element: string) => unknown): unknown[] {
  const reader = new ArrayReader(text, BOUNDS.exec(text)?.[0].length ?? 0, parse);
  return reader.whole();
}

class ArrayReader {
  readonly #text: string;
  readonly #parse: (element: string) => unknown;
  #at: number;

  constructor(text: string, start: number, parse: (element: string) => unknown) {
    this.#text = text;
    this.#at = start;
    this.#parse = parse;
  }

  whole(): unknown[] {
    const items = this.#array();
    if (this.#at !== this.#text.length) throw this.#broken();
    return items;
  }

  #array(): unknown[] {
    this.#expect('{');
    const items: unknown[] = [];
    if (this.#text[this.#at] === '}') {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(this.#item());
      const next = this.#text[this.#at];
      this.#at += 1;
      if (next === '}') return items;
      if (next !== ',') throw this.#broken();
    }
  }

  #item(): unknown {
    const first = this.#text[this.#at];
    if (first === '{') return this.#array();
    if (first === '"') return this.#parse(this.#quoted());
    const from = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== ',' && this.#text[this.#at] !== '}') this.#at += 1;
    const word = this.#text.slice(from, this.#at);
    if (word === '') throw this.#broken();
    return word === 'NULL' ? null : this.#parse(word);
  }

  #quoted(): string {
    this.#expect('"');
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#broken();
      this.#at += 1;
      if (character === '"') return value;
      if (character === '\\') {
        value += this.#text[this.#at] ?? '';
        this.#at += 1;
      } else value += character;
    }
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw this.#broken();
    this.#at += 1;
  }

  #broken(): SyntaxError {
    return new SyntaxError(`not a PostgreSQL array at character ${this.#at}`);
  }
}
