/** Owns the names of types that are made where the SDL names them and nobody defines them: what each is called and of. */

export type MadeKind = 'connection' | 'edge' | 'filter' | 'order' | 'input' | 'payload' | 'conflict';

const SUFFIXES: Readonly<Record<string, MadeKind>> = {
  Connection: 'connection',
  Edge: 'edge',
  Filter: 'filter',
  Order: 'order',
  Input: 'input',
  Payload: 'payload',
  Conflict: 'conflict',
};

/** Kinds whose name may begin with a word for what is done: `CreateTaskInput`, `AddCommentPayload`. */
const WITH_VERB: ReadonlySet<MadeKind> = new Set<MadeKind>(['input', 'payload']);

export interface MadeName {
  readonly kind: MadeKind;
  /** The name without its ending: `Task`, `CreateTask`. */
  readonly stem: string;
}

/** The kind that a name ends like; null where it ends like none. */
export function madeName(name: string): MadeName | null {
  const found = Object.entries(SUFFIXES).find(([suffix]) => name.length > suffix.length && name.endsWith(suffix));
  return found ? { kind: found[1], stem: name.slice(0, -found[0].length) } : null;
}

/**
 * The entity that a name is of: the whole stem, or what comes after a verb. Of several the longest:
 * `CreateTaskCommentInput` is of `TaskComment` rather than of `Comment`.
 */
export function entityOfName({ kind, stem }: MadeName, entities: Iterable<string>): string | null {
  const fitting = [...entities].filter(
    (entity) => stem === entity || (WITH_VERB.has(kind) && stem.endsWith(entity) && isCapital(entity)),
  );
  return fitting.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** A word begins with a capital letter; `CreateSubtaskInput` is not of an entity `task`. */
function isCapital(name: string): boolean {
  return /^[A-Z]/.test(name);
}

/** The rule, as the end of a sentence. */
export const MADE_TYPES =
  'of an @entity Task, TaskConnection and TaskEdge are made as types of fields, TaskFilter and TaskOrder as types of their ' +
  'arguments, CreateTaskInput and UpdateTaskInput as types of arguments of mutations with @insert and @update, CreateTaskPayload ' +
  'and the like as what these return, and TaskConflict in a payload';
