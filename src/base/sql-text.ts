/** Owns how names and texts are quoted in SQL. */

export function quoteIdentifier(name: string): string {
  if (name.includes('\u0000')) throw new TypeError('an SQL identifier cannot contain NUL');
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL spells it, whatever `standard_conforming_strings` is. */
export function quoteLiteral(text: string): string {
  if (text.includes('\u0000')) throw new TypeError('an SQL text cannot contain NUL');
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}
