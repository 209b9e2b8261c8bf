/**
 * Owns SDL as pieces that can be kept, changed and taken out one by one: definitions, their members and the comments
 * among them, each with its place in the file's text.
 */
import { GraphQLError, parse, print, Source, type ASTNode, type DefinitionNode, type StringValueNode } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type SdlFile } from '../schema-compiler/files.ts';

export interface Piece {
  readonly name: string;
  /** What it says, without regard to how it is laid out. */
  readonly said: string;
  /** As it stands, with its description. */
  readonly text: string;
  /** Where whole lines of it begin and end in its file. */
  readonly from: number;
  readonly to: number;
  /** Where something that comes after it would go: behind a comment on its line. */
  readonly after: number;
}

export interface Definition extends Piece {
  readonly file: string;
  readonly isExtension: boolean;
  /** What stands before the brace: description, name, directives. */
  readonly head: Piece;
  readonly members: readonly Piece[];
  /** Comments on lines of their own between the braces. */
  readonly comments: readonly Piece[];
  /** Where the next member would go: the beginning of the line with the closing brace; null without braces. */
  readonly end: number | null;
}

export interface SdlPieces {
  readonly files: ReadonlyMap<string, string>;
  readonly definitions: readonly Definition[];
  /** Comments outside of definitions, a piece for each run of lines. */
  readonly comments: readonly (Piece & { readonly file: string })[];
}

export function piecesOf(files: readonly SdlFile[]): SdlPieces {
  const parts = files.map((file) => ({ file, definitions: definitionsOf(file) }));
  return {
    files: new Map(files.map(({ name, body }) => [name, body])),
    definitions: parts.flatMap(({ definitions }) => definitions),
    comments: parts.flatMap(({ file, definitions }) =>
      commentsIn(file.body, 0, file.body.length)
        .filter(({ from }) => !definitions.some((one) => one.from <= from && from < one.to))
        .reduce<(Piece & { file: string })[]>((runs, line) => {
          const last = runs.at(-1);
          if (last?.to !== line.from) return [...runs, { ...line, file: file.name }];
          return [...runs.slice(0, -1), joined(last, line)];
        }, []),
    ),
  };
}

function joined(one: Piece & { readonly file: string }, other: Piece): Piece & { file: string } {
  const text = `${one.text}${other.text}`;
  return {
    ...one,
    text,
    said: `${one.said}\n${other.said}`,
    name: `${one.name}\n${other.name}`,
    to: other.to,
    after: other.after,
  };
}

function definitionsOf({ name, body }: SdlFile): readonly Definition[] {
  if (/^\s*(#[^\n]*\s*)*$/.test(body)) return [];
  let nodes: readonly DefinitionNode[];
  try {
    nodes = parse(new Source(body, name)).definitions;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `${name}:${error.locations?.[0]?.line ?? 1} cannot be read (${error.message.replace(/\.$/, '')}), so nothing was pulled; correct it first.`,
      cause: error,
    });
  }
  return nodes.map((node): Definition => {
    const members: readonly ASTNode[] =
      'fields' in node
        ? (node.fields ?? [])
        : 'values' in node
          ? (node.values ?? [])
          : 'operationTypes' in node
            ? (node.operationTypes ?? [])
            : [];
    const whole = pieceOf(node, nameOf(node), body);
    const first = members[0];
    const closing = members.length === 0 ? null : lineOrPlace(body, (node.loc?.end ?? 1) - 1);
    const pieces = members.map((member) => pieceOf(member, memberName(member), body));
    const headEnd = first === undefined ? (node.loc?.end ?? 0) : body.indexOf('{', headTo(node)) + 1;
    return {
      ...whole,
      file: name,
      isExtension: node.kind.endsWith('Extension'),
      head: {
        name: whole.name,
        said: headSaid(node),
        text: body.slice(start(node), headEnd),
        from: start(node),
        to: headEnd,
        after: headEnd,
      },
      members: pieces,
      comments: commentsIn(body, headEnd, node.loc?.end ?? headEnd).filter(
        ({ from }) => !pieces.some((piece) => piece.from <= from && from < piece.to),
      ),
      end: closing,
    };
  });
}

function nameOf(node: DefinitionNode): string {
  return 'name' in node && node.name ? node.name.value : node.kind.replace('Extension', 'Definition');
}

function memberName(node: ASTNode): string {
  return 'name' in node && node.name ? node.name.value : print(node);
}

/** With its description. */
function start(node: ASTNode): number {
  const { description } = node as { description?: StringValueNode };
  return Math.min(description?.loc?.start ?? Infinity, node.loc?.start ?? 0);
}

/** Whole lines where nothing else stands on them: two members may share one, and a comment behind one is its author's. */
function pieceOf(node: ASTNode, name: string, body: string): Piece {
  const from = lineOrPlace(body, start(node));
  const end = node.loc?.end ?? from;
  const to = /^[ \t\r]*(\n|$)/.test(body.slice(end, lineEnd(body, end))) ? lineEnd(body, end) : end;
  const after = /^[ \t]*#/.test(body.slice(end, lineEnd(body, end))) ? lineEnd(body, end) : to;
  return { name, said: print(node), text: body.slice(from, to), from, to, after };
}

/** The beginning of the line where only blanks stand before the place, else the place. */
function lineOrPlace(body: string, at: number): number {
  const line = lineStart(body, at);
  return body.slice(line, at).trim() === '' ? line : at;
}

/** Where name, interfaces and directives of a definition end. */
function headTo(node: DefinitionNode): number {
  const parts: readonly (ASTNode | undefined)[] = [
    'name' in node ? node.name : undefined,
    ...('interfaces' in node ? (node.interfaces ?? []) : []),
    ...(node.directives ?? []),
  ];
  return Math.max(node.loc?.start ?? 0, ...parts.map((part) => part?.loc?.end ?? 0));
}

function headSaid(node: DefinitionNode): string {
  const { description } = node as { description?: StringValueNode };
  const bare = { ...node, fields: [], values: [], operationTypes: [] } as unknown as DefinitionNode;
  return `${description?.value ?? ''}\n${print(bare).replace(/^"""[\s\S]*?"""\n|^"[^\n]*"\n/, '')}`;
}

function lineStart(body: string, at: number): number {
  return body.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(body: string, at: number): number {
  const end = body.indexOf('\n', at);
  return end === -1 ? body.length : end + 1;
}

function commentsIn(body: string, from: number, to: number): readonly Piece[] {
  const found: Piece[] = [];
  for (let at = from; at < to; at = lineEnd(body, at)) {
    const text = body.slice(at, lineEnd(body, at));
    if (/^\s*#/.test(text) && (at === 0 || body[at - 1] === '\n'))
      found.push({
        name: text.trim(),
        said: text.trim(),
        text,
        from: at,
        to: at + text.length,
        after: at + text.length,
      });
  }
  return found;
}
