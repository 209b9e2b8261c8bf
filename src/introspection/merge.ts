/**
 * Owns pulling again: what was pulled last, what the database says now and what the files say by now become the files
 * to come. What a person has changed stays; what only the database has changed is taken over.
 */
import { type SdlFile } from '../schema-compiler/files.ts';
import { piecesOf, type Definition, type Piece, type SdlPieces } from './pieces.ts';

export interface MergeRequest {
  /** As it was pulled last. */
  readonly base: readonly SdlFile[];
  /** As the database says now. */
  readonly pulled: readonly SdlFile[];
  /** As it stands. */
  readonly files: readonly SdlFile[];
}

export interface Change {
  readonly kind: 'new' | 'changed' | 'gone' | 'conflict';
  /** `Task.title`, `Task`, or the words of a comment. */
  readonly what: string;
  readonly file: string;
}

export interface Merged {
  /** Files whose text is another one than before, or null where nothing is left of them. */
  readonly files: ReadonlyMap<string, string | null>;
  readonly changes: readonly Change[];
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

class Edits {
  readonly #edits = new Map<string, Edit[]>();
  readonly appended = new Map<string, string[]>();
  readonly changes: Change[] = [];

  add(file: string, edit: Edit): void {
    this.#edits.set(file, [...(this.#edits.get(file) ?? []), edit]);
  }

  append(file: string, text: string): void {
    this.appended.set(file, [...(this.appended.get(file) ?? []), text.trimEnd()]);
  }

  applied(files: ReadonlyMap<string, string>): ReadonlyMap<string, string | null> {
    const names = new Set([...this.#edits.keys(), ...this.appended.keys()]);
    return new Map(
      [...names].sort().map((name) => {
        const before = files.get(name) ?? '';
        // From the end on, so that places before an edit stay right; of two at one place, the later one comes later.
        const edits = (this.#edits.get(name) ?? [])
          .map((edit, i) => ({ ...edit, i }))
          .sort((a, b) => b.from - a.from || b.i - a.i);
        const edited = edits.reduce(
          (text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to),
          before,
        );
        const parts = [edited.trimEnd(), ...(this.appended.get(name) ?? [])].filter((part) => part !== '');
        const after = parts
          .join('\n\n')
          .replace(/\n{3,}/g, '\n\n')
          .replace(/^\n+/, '');
        return [name, after === '' ? null : `${after}\n`];
      }),
    );
  }
}

export function mergePull({ base, pulled, files }: MergeRequest): Merged {
  const [was, is, mine] = [piecesOf(base), piecesOf(pulled), piecesOf(files)];
  const edits = new Edits();
  const names = new Set([...is.definitions, ...was.definitions].map(({ name }) => name));
  for (const name of names)
    mergeNamed(edits, { name, was: named(was, name), is: named(is, name), mine: named(mine, name) });
  mergeComments(edits, { was, is, mine });
  return { files: edits.applied(mine.files), changes: edits.changes };
}

const named = ({ definitions }: SdlPieces, name: string): readonly Definition[] =>
  definitions.filter((one) => one.name === name);

interface Sides {
  readonly name: string;
  readonly was: readonly Definition[];
  readonly is: readonly Definition[];
  readonly mine: readonly Definition[];
}

interface Located {
  readonly piece: Piece;
  readonly owner: Definition;
}

const membersOf = (all: readonly Definition[]): ReadonlyMap<string, Located> =>
  new Map(all.flatMap((owner) => owner.members.map((piece) => [piece.name, { piece, owner }] as const)));

function mergeNamed(edits: Edits, sides: Sides): void {
  const { name, was, is, mine } = sides;
  if (mine.length === 0 && was.length > 0 && !isSpread(was)) {
    // A person took it out.
    return;
  }
  const wasDefined = was.find(({ isExtension }) => !isExtension);
  const isDefined = is.find(({ isExtension }) => !isExtension);
  const mineDefined = mine.find(({ isExtension }) => !isExtension);
  if (wasDefined && !isDefined && mineDefined) {
    gone(edits, sides, mineDefined);
    return;
  }
  if (isDefined && !wasDefined && mineDefined) {
    if (isDefined.said !== mineDefined.said)
      note(edits, mineDefined, {
        change: 'conflict',
        what: name,
        says: `the database has a table for ${name} now, which \`meridian pull\` would show otherwise`,
      });
    return;
  }
  if (isDefined && wasDefined && mineDefined) mergeHead(edits, { was: wasDefined, is: isDefined, mine: mineDefined });
  mergeMembers(edits, sides);
}

/** `extend type Query` stands in many files: none of them is the type. */
function isSpread(all: readonly Definition[]): boolean {
  return all.every(({ isExtension, name }) => isExtension && (name === 'Query' || name === 'Mutation'));
}

function gone(edits: Edits, { name, was, mine }: Sides, defined: Definition): void {
  const isUnchanged =
    mine.length === was.length &&
    was.every((one) => mine.some(({ said, isExtension }) => said === one.said && isExtension === one.isExtension));
  if (isUnchanged) {
    for (const one of mine) edits.add(one.file, { from: one.from, to: one.to, text: '' });
    edits.changes.push({ kind: 'gone', what: name, file: defined.file });
  } else note(edits, defined, { change: 'gone', what: name, says: 'what it shows is gone from the database' });
}

function mergeHead(
  edits: Edits,
  { was, is, mine }: { readonly was: Definition; readonly is: Definition; readonly mine: Definition },
): void {
  if (was.head.said === is.head.said || mine.head.said === is.head.said) return;
  if (mine.head.said === was.head.said) {
    edits.add(mine.file, { from: mine.head.from, to: mine.head.to, text: is.head.text });
    edits.changes.push({ kind: 'changed', what: mine.name, file: mine.file });
  } else note(edits, mine, { change: 'conflict', what: mine.name, says: oneLine(is.head.text.replace(/\{$/, '')) });
}

function mergeMembers(edits: Edits, { name, was, is, mine }: Sides): void {
  const [before, now, own] = [membersOf(was), membersOf(is), membersOf(mine)];
  let previous: string | null = null;
  for (const [member, { piece, owner }] of now) {
    const [old, kept] = [before.get(member), own.get(member)];
    const what = `${name}.${member}`;
    if (!old && !kept) {
      insert(edits, { mine, own, piece, owner, previous });
      edits.changes.push({ kind: 'new', what, file: owner.file });
    } else if (kept && kept.piece.said !== piece.said && old?.piece.said !== piece.said) {
      if (kept.piece.said === old?.piece.said) {
        edits.add(kept.owner.file, {
          from: kept.piece.from,
          to: kept.piece.to,
          text: kept.piece.text.endsWith('\n')
            ? piece.text
            : /^\s/.test(kept.piece.text)
              ? piece.text.trimEnd()
              : piece.text.trim(),
        });
        edits.changes.push({ kind: 'changed', what, file: kept.owner.file });
      } else
        note(edits, { ...kept.piece, file: kept.owner.file }, { change: 'conflict', what, says: oneLine(piece.text) });
    }
    if (kept) previous = member;
  }
  for (const [member, { piece }] of before) {
    const kept = own.get(member);
    if (now.has(member) || !kept) continue;
    const what = `${name}.${member}`;
    if (kept.piece.said === piece.said) {
      edits.add(kept.owner.file, { from: kept.piece.from, to: kept.piece.to, text: '' });
      edits.changes.push({ kind: 'gone', what, file: kept.owner.file });
    } else
      note(
        edits,
        { ...kept.piece, file: kept.owner.file },
        { change: 'gone', what, says: 'what it shows is gone from the database' },
      );
  }
  emptied(edits, { was, is, mine });
  mergeInner(edits, { was, is, mine });
}

interface InsertInput {
  readonly mine: readonly Definition[];
  readonly own: ReadonlyMap<string, Located>;
  readonly piece: Piece;
  readonly owner: Definition;
  readonly previous: string | null;
}

/** Behind the member that it follows in the database's order, else in the same file's block, else in one of its own. */
function insert(edits: Edits, { mine, own, piece, owner, previous }: InsertInput): void {
  const after = previous === null ? undefined : own.get(previous);
  const blocks = mine.filter(({ end }) => end !== null);
  const block =
    blocks.find(({ file, isExtension }) => file === owner.file && isExtension === owner.isExtension) ??
    (owner.isExtension ? undefined : blocks[0]);
  if (
    after &&
    (block === undefined || after.owner === block) &&
    (after.owner.file === owner.file || !owner.isExtension)
  )
    edits.add(after.owner.file, { from: after.piece.after, to: after.piece.after, text: piece.text });
  else if (block?.end != null) edits.add(block.file, { from: block.end, to: block.end, text: piece.text });
  else {
    const waiting = edits.appended.get(owner.file) ?? [];
    const head = owner.head.text;
    const at = waiting.findIndex((text) => text.startsWith(head));
    if (at === -1) edits.append(owner.file, `${head}\n${piece.text}}`);
    else waiting[at] = `${(waiting[at] ?? '').replace(/\}$/, '')}${piece.text}}`;
  }
}

/** A block whose every member goes, goes whole. */
function emptied(edits: Edits, { was, is, mine }: Omit<Sides, 'name'>): void {
  const [before, now] = [membersOf(was), membersOf(is)];
  for (const block of mine) {
    const isLost = block.members.every(({ name, said }) => before.get(name)?.piece.said === said && !now.has(name));
    const grows = is.some(({ file, members }) => file === block.file && members.some(({ name }) => !before.has(name)));
    if (block.members.length > 0 && isLost && !grows && block.isExtension)
      edits.add(block.file, { from: block.from, to: block.to, text: '' });
  }
}

/** Comments between the braces say what is left out there. */
function mergeInner(edits: Edits, { was, is, mine }: Omit<Sides, 'name'>): void {
  const texts = (all: readonly Definition[]): Map<string, { piece: Piece; owner: Definition }> =>
    new Map(all.flatMap((owner) => owner.comments.map((piece) => [piece.said, { piece, owner }] as const)));
  const [before, now, own] = [texts(was), texts(is), texts(mine)];
  for (const [said, { piece, owner }] of now) {
    const block = mine.find(({ isExtension, end }) => isExtension === owner.isExtension && end !== null);
    if (!before.has(said) && !own.has(said) && block?.end != null)
      edits.add(block.file, { from: block.end, to: block.end, text: piece.text });
  }
  for (const said of before.keys()) {
    const kept = own.get(said);
    if (kept && !now.has(said)) edits.add(kept.owner.file, { from: kept.piece.from, to: kept.piece.to, text: '' });
  }
}

/** Comments outside of definitions: what is left out of the graph, and views that wait for a key. */
function mergeComments(
  edits: Edits,
  { was, is, mine }: { readonly was: SdlPieces; readonly is: SdlPieces; readonly mine: SdlPieces },
): void {
  const key = ({ file, said }: { file: string; said: string }): string => `${file}\n${said}`;
  const before = new Set(was.comments.map(key));
  const now = new Set(is.comments.map(key));
  const replaced = new Set<string>();
  for (const one of is.comments) {
    const stands = mine.comments.find((other) => key(other) === key(one));
    if (before.has(key(one)) || stands) continue;
    const old = was.comments.find((other) => other.file === one.file && !now.has(key(other)));
    const kept = old && mine.comments.find((other) => key(other) === key(old));
    if (kept) {
      edits.add(kept.file, { from: kept.from, to: kept.to, text: one.text });
      replaced.add(key(kept));
    } else if (mine.files.has(one.file)) edits.add(one.file, { from: 0, to: 0, text: `${one.text}\n` });
    else edits.append(one.file, one.text);
    edits.changes.push({ kind: old ? 'changed' : 'new', what: firstLine(one.text), file: one.file });
  }
  for (const one of was.comments) {
    const kept = mine.comments.find((other) => key(other) === key(one));
    if (!kept || now.has(key(one)) || replaced.has(key(kept))) continue;
    edits.add(kept.file, { from: kept.from, to: kept.to, text: '' });
    edits.changes.push({ kind: 'gone', what: firstLine(one.text), file: kept.file });
  }
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');

interface NoteInput {
  readonly change: Change['kind'];
  readonly what: string;
  readonly says: string;
}

/** A comment above what a person has written, which says what it may have to become. */
function note(
  edits: Edits,
  place: { readonly from: number; readonly text: string; readonly file: string },
  { change, what, says }: NoteInput,
): void {
  const [indent = ''] = /^[ \t]*/.exec(place.text) ?? [];
  const text = change === 'gone' ? `pull: ${says}.` : `pull: the database says now: ${says}`;
  edits.add(place.file, { from: place.from, to: place.from, text: `${indent}# ${text}\n` });
  edits.changes.push({ kind: change === 'gone' ? 'gone' : 'conflict', what, file: place.file });
}
