/**
 * Owns splitting SQL scripts as psql does: where a statement ends, what is COPY data, and which lines are psql
 * commands.
 */

export type Segment =
  /** Statements that may be sent together; `offset` is the index of their beginning in the script. */
  | { readonly kind: 'statements'; readonly text: string; readonly offset: number }
  /** A statement that PostgreSQL refuses inside a transaction, so it is sent alone. */
  | { readonly kind: 'alone'; readonly text: string; readonly offset: number }
  | { readonly kind: 'copy'; readonly text: string; readonly data: string; readonly offset: number }
  /** Concerns databases or connections: everything is loaded into the cluster's own database. */
  | { readonly kind: 'skipped'; readonly text: string; readonly offset: number };

/** Statements are combined up to about this size. */
const BATCH_CHARS = 256 * 1024;
const COPY_FROM_STDIN = /^copy\s[\s\S]*\sfrom\s+stdin\b/i;
const ABOUT_DATABASES = /^(create|drop)\s+database\b/i;
const ALONE =
  /^(vacuum|alter\s+system|(create|drop|alter)\s+tablespace|cluster\s*;|reindex\s+(database|system))\b|^(create|drop|reindex)\s[\s\S]{0,200}\bconcurrently\b/i;
const ROUTINE = /^create\s+(or\s+replace\s+)?(function|procedure)\b/i;
/** psql commands that change the output and not the effect of a script. */
const HARMLESS = new Set([
  'set',
  'unset',
  'echo',
  'qecho',
  'warn',
  'pset',
  'encoding',
  'restrict',
  'unrestrict',
  'timing',
  'x',
  'a',
  't',
  'q',
]);
const CONNECT = new Set(['c', 'connect']);

/** A psql command that changes the effect of a script and is not supported here. */
export class UnknownCommand extends Error {
  readonly command: string;
  readonly offset: number;

  constructor(command: string, offset: number) {
    super(`unknown command \\${command}`);
    this.command = command;
    this.offset = offset;
  }
}

// One token at a time: parts that are skipped as a whole (comments, strings, dollar quotes, names), then single
// characters.
const TOKEN =
  /\s+|--[^\n]*|\/\*|[eE]'(?:[^'\\]+|\\[\s\S]|'')*'|'(?:[^']+|'')*'|"(?:[^"]+|"")*"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d+|[\s\S]/y;

/** Index after the block comment that begins at `start`; block comments nest. */
function commentEnd(script: string, start: number): number {
  let depth = 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let found = mark.exec(script); found; found = mark.exec(script)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return script.length;
}

function lineEnd(script: string, from: number): number {
  const end = script.indexOf('\n', from);
  return end === -1 ? script.length : end + 1;
}

interface Statement {
  readonly start: number;
  readonly end: number;
  /** The text without leading comments, to detect its kind. */
  readonly body: string;
}

type Piece =
  { readonly statement: Statement } | { readonly command: string; readonly start: number; readonly end: number };

/** The next statement or psql command from `start`; null at the end. */
function nextPiece(script: string, start: number): Piece | null {
  let at = start;
  let bodyAt = -1;
  let parens = 0;
  let blocks = 0;
  while (at < script.length) {
    TOKEN.lastIndex = at;
    const [token = '', tag] = TOKEN.exec(script) ?? [];
    const from = at;
    at += Math.max(1, token.length);
    if (token.startsWith('--') || /^\s/.test(token)) continue;
    if (token === '/*') {
      at = commentEnd(script, from);
      continue;
    }
    if (token === '\\' && bodyAt === -1)
      return { command: script.slice(at, lineEnd(script, at)).trim(), start: from, end: lineEnd(script, at) };
    if (bodyAt === -1 && token !== ';') bodyAt = from;
    if (tag !== undefined || token === '$$') {
      const close = script.indexOf(token, at);
      at = close === -1 ? script.length : close + token.length;
    } else if (token === '(') parens += 1;
    else if (token === ')') parens = Math.max(0, parens - 1);
    else if (/^(begin|case|end)$/i.test(token) && parens === 0 && ROUTINE.test(script.slice(bodyAt, bodyAt + 100))) {
      // A routine's body may be written as statements: BEGIN ATOMIC … END.
      if (token.toLowerCase() === 'begin' || blocks > 0) blocks += token.toLowerCase() === 'end' ? -1 : 1;
    } else if (token === ';' && parens === 0 && blocks === 0)
      return { statement: { start, end: at, body: bodyAt === -1 ? '' : script.slice(bodyAt, at) } };
  }
  return bodyAt === -1 ? null : { statement: { start, end: script.length, body: script.slice(bodyAt) } };
}

/** Splits a script into the texts that are sent. Throws `UnknownCommand`. */
export function* splitScript(script: string): Generator<Segment> {
  let batchFrom = 0;
  const batch = function* (to: number): Generator<Segment> {
    const text = script.slice(batchFrom, to);
    if (text.trim() !== '') yield { kind: 'statements', text, offset: batchFrom };
    batchFrom = to;
  };
  for (let at = 0, piece = nextPiece(script, at); piece; piece = nextPiece(script, at)) {
    if ('command' in piece) {
      yield* batch(piece.start);
      const name = /^[a-z!?]+/i.exec(piece.command)?.[0] ?? '';
      if (CONNECT.has(name)) yield { kind: 'skipped', text: `\\${piece.command}`, offset: piece.start };
      else if (!HARMLESS.has(name)) throw new UnknownCommand(name, piece.start);
      at = batchFrom = piece.end;
      continue;
    }
    const { start, end, body } = piece.statement;
    at = end;
    const special = COPY_FROM_STDIN.test(body)
      ? 'copy'
      : ABOUT_DATABASES.test(body)
        ? 'skipped'
        : ALONE.test(body)
          ? 'alone'
          : null;
    if (special === null) {
      if (end - batchFrom > BATCH_CHARS) yield* batch(end);
      continue;
    }
    yield* batch(start);
    const text = script.slice(start, end);
    if (special === 'copy') {
      const dataFrom = lineEnd(script, end);
      const mark = /^\\\.\r?$/gm;
      mark.lastIndex = dataFrom;
      const dataEnd = mark.exec(script)?.index ?? script.length;
      yield { kind: 'copy', text, data: script.slice(dataFrom, dataEnd), offset: start };
      at = lineEnd(script, dataEnd);
    } else yield { kind: special, text: special === 'skipped' ? body : text, offset: start };
    batchFrom = at;
  }
  yield* batch(script.length);
}

/** The number, from 1, of the line that contains the character at `offset`. */
export function lineAt(script: string, offset: number): number {
  let line = 1;
  for (let i = script.indexOf('\n'); i !== -1 && i < offset; i = script.indexOf('\n', i + 1)) line += 1;
  return line;
}
