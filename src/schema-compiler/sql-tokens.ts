/** Owns splitting an SQL condition into tokens as PostgreSQL does; ambiguous text is refused. */

export interface Token {
  /**
   * `word`: a name or keyword without quotes, in lower case. `quoted`: a name in quotes, without them. `text`: a
   * literal, without quotes.
   */
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'sign';
  readonly text: string;
}

const PARTS =
  /(?<space>[ \t\r\n\f\v]+)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|"(?<quoted>(?:[^"]|"")+)"|'(?<text>(?:[^']|'')*)'|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<sign>::|[()[\],.]|[-+*/<>=~!@#%^&|?]+)/y;

/** The tokens, or why the condition cannot be split, as a predicate of it. */
export function tokensOf(condition: string): readonly Token[] | string {
  // Whether a backslash is an escape depends on a setting of the session.
  if (condition.includes('\\')) return 'has a backslash';
  const tokens: Token[] = [];
  let touches: Token['kind'] | null = null;
  for (let at = 0; at < condition.length; at = PARTS.lastIndex) {
    PARTS.lastIndex = at;
    const groups = PARTS.exec(condition)?.groups;
    if (!groups) return `has ${condition.charAt(at)}`;
    const token = tokenOf(groups);
    // E'…', U&"…", 1st: one token to PostgreSQL.
    if (token !== null && token.kind !== 'sign' && touches !== null && touches !== 'sign')
      return `has ${tokens.at(-1)?.text ?? ''} right before ${token.text}`;
    if (token?.text === '&' && touches === 'word') return 'has & right after a name';
    touches = token?.kind ?? null;
    if (token !== null) tokens.push(token);
  }
  return tokens;
}

function tokenOf(groups: Readonly<Record<string, string | undefined>>): Token | null {
  const { word, quoted, text, number, sign } = groups;
  if (word !== undefined) return { kind: 'word', text: word.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) };
  if (quoted !== undefined) return { kind: 'quoted', text: quoted.replaceAll('""', '"') };
  if (text !== undefined) return { kind: 'text', text: text.replaceAll("''", "'") };
  if (number !== undefined) return { kind: 'number', text: number };
  return sign === undefined ? null : { kind: 'sign', text: sign };
}

/** The last part of a type's name as written: `public."Mo od"[]` → `Mo od`. */
export function spelled(typeName: string): string {
  const tokens = tokensOf(typeName);
  const names = typeof tokens === 'string' ? [] : tokens.filter(({ kind }) => kind === 'word' || kind === 'quoted');
  return names.at(-1)?.text ?? typeName;
}
