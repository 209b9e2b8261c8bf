/**
 * Owns mechanisms that keep values as they are, as the program's text has them: whoever checks round trips must notice
 * when one is missing.
 */
import { type Cut } from '../../history-checker/breaks.ts';

export interface ValueBreak {
  /** Column types that need the mechanism. */
  readonly types: readonly string[];
  readonly cuts: readonly Cut[];
}

/** By what a server without it does. */
export const VALUE_BREAKS: Readonly<Record<string, ValueBreak>> = {
  'reads decimals as doubles': {
    types: ['numeric'],
    cuts: [
      {
        file: '/src/read/sql/columns.ts',
        text: 'DIRECT.has(type.kind) ? reference : `${reference}::text`',
        instead: 'DIRECT.has(type.kind) ? reference : `${reference}::float8::text`',
      },
    ],
  },
  'reads the numbers of forwarded requests as doubles': {
    types: ['numeric'],
    cuts: [
      {
        file: '/src/forwarding/envelope.ts',
        text: 'safeParse(parseJson(body))',
        instead: 'safeParse(JSON.parse(body))',
      },
    ],
  },
  'trims the texts of its caches': {
    types: ['text'],
    cuts: [
      {
        file: '/src/cache/row-codec.ts',
        text: 'toCells: (row) => names.map((name) => row[name]),',
        instead:
          "toCells: (row) => names.map((name) => (typeof row[name] === 'string' ? row[name].trim() : row[name])),",
      },
    ],
  },
};
