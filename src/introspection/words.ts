/** Owns how names of SQL become names of GraphQL: words, their singular and plural, and no name twice. */
import pluralize from 'pluralize';

/** `film_actor`, `FilmActor`, `film actor` → `film`, `actor`; accents are taken off, other signs part words. */
export function wordsOf(name: string): readonly string[] {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Words that a type's name may not begin with become so: GraphQL's names begin with a letter here. */
const lettered = (name: string, prefix: string): string => (/^[0-9]/.test(name) ? `${prefix}${name}` : name);

export function pascal(words: readonly string[]): string {
  return lettered(words.map(capital).join(''), 'N');
}

export function camel(words: readonly string[]): string {
  return lettered(words.map((word, i) => (i === 0 ? word : capital(word))).join(''), 'n');
}

/** `order_items` → `OrderItem`. */
export function typeNameOf(table: string): string {
  const words = wordsOf(table);
  const last = words.at(-1);
  return last === undefined ? 'Row' : pascal([...words.slice(0, -1), singularOf(last)]);
}

function singularOf(word: string): string {
  // `status`, `address` and the like end in s and mean one.
  return word.length < 3 || /(ss|us|is)$/.test(word) ? word : pluralize.singular(word);
}

/** `OrderItem` → `orderItems`; where the plural is the same word, the caller hears so by an equal name. */
export function pluralFieldOf(type: string): string {
  const words = wordsOf(type);
  return camel([...words.slice(0, -1), pluralize.plural(words.at(-1) ?? '')]);
}

export function fieldNameOf(type: string): string {
  return camel(wordsOf(type));
}

/** A column's field: `due date` → `dueDate`; `__typename` and names without a letter or digit are renamed. */
export function columnFieldOf(column: string, position: number): string {
  const words = wordsOf(column);
  return words.length === 0 ? `column${position}` : camel(words);
}

/** The name, or the first of `name2`, `name3` … that is free. Takes it. */
export function take(taken: Set<string>, name: string): string {
  let free = name;
  for (let i = 2; taken.has(free); i += 1) free = `${name}${i}`;
  taken.add(free);
  return free;
}

/** The first of `names` that is free, else its first one with a number. Takes it. */
export function takeFirst(taken: Set<string>, names: readonly string[]): string {
  const free = names.find((name) => !taken.has(name));
  return take(taken, free ?? names[0] ?? 'field');
}

/** Text of an SDL string. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A description, on lines of its own; nothing for none. */
export function described(text: string | null | undefined, indent: string): readonly string[] {
  const plain = text?.replace(/\r\n?/g, '\n').trim() ?? '';
  if (plain === '') return [];
  if (!plain.includes('\n') && !/["\\]/.test(plain)) return [`${indent}${quoted(plain)}`];
  const lines = plain.replaceAll('"""', '\\"""').split('\n');
  return [`${indent}"""`, ...lines.map((line) => `${indent}${line.trimEnd()}`.trimEnd()), `${indent}"""`];
}
