/**
 * Owns how the answer of one statement becomes rows. The columns of a prepared statement need to be described only
 * once, since the server refuses to run it after they have changed ("cached plan must not change result type").
 */
import { type Row } from '../../model/model.ts';
import { type TypeParsers } from '../types/types.ts';

export interface Column {
  readonly name: string;
  readonly dataTypeID: number;
  readonly format?: string;
}

export class RowShape {
  readonly #columns: readonly Column[];
  readonly #types: TypeParsers;
  #version: number | null = null;
  #parsers: readonly ((text: string) => unknown)[] = [];

  constructor(columns: readonly Column[], types: TypeParsers) {
    this.#columns = columns;
    this.#types = types;
  }

  /** If two columns have the same name, the last one is used. */
  read(values: readonly (string | null)[]): Row {
    // Another connection may have registered an array type meanwhile.
    if (this.#version !== this.#types.version) this.#learn();
    const columns = this.#columns;
    const parsers = this.#parsers;
    const row: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i += 1) {
      const { name } = columns[i] as Column;
      const text = values[i] as string | null;
      const value = text === null ? null : (parsers[i] as (text: string) => unknown)(text);
      if (name === '__proto__')
        Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });
      else row[name] = value;
    }
    return row;
  }

  #learn(): void {
    this.#version = this.#types.version;
    this.#parsers = this.#columns.map(({ dataTypeID, format }) => this.#types.getTypeParser(dataTypeID, format));
  }
}
