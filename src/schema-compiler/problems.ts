/** Owns the problems of a schema: each has its place, and all of them are collected and reported at once. */
import { type ASTNode, type GraphQLError } from 'graphql';
import { MeridianError } from '../base/errors.ts';
import { type SourceSpot } from '../model/model.ts';

export interface Problem extends SourceSpot {
  readonly severity: 'error' | 'warning' | 'notice';
  /** One sentence: what is wrong, and the fix. */
  readonly message: string;
}

/** Where `node` was written; the beginning of the SDL (line 1) for a problem without its own place. */
export function spotOf(node: ASTNode | null | undefined): SourceSpot {
  const location = node?.loc;
  return location ? { file: location.source.name, line: location.startToken.line } : { file: 'schema', line: 1 };
}

/** `workspace.graphql:41  Task.assigne maps to …` */
export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}  ${problem.message}`;
}

export class Problems {
  readonly #found: Problem[] = [];
  readonly #told = new WeakSet<object>();
  readonly #hints = new WeakMap<object, string>();

  error(at: ASTNode | SourceSpot | null | undefined, message: string): void {
    const hint = at ? this.#hints.get(at) : undefined;
    if (!at || !this.#told.has(at)) this.#add('error', at, hint === undefined ? message : `${message} (${hint})`);
  }

  /** The node is nobody's text: where something is wrong with it, this says what can be done about it. */
  explain(node: ASTNode, hint: string): void {
    this.#hints.set(node, hint);
  }

  /** Whether the node is such a one. */
  isMade(node: ASTNode | null | undefined): boolean {
    return node != null && this.#hints.has(node);
  }

  /** What is wrong at the node has been told, and whatever else is found there follows from it. */
  tellNoMoreOf(node: ASTNode): void {
    this.#told.add(node);
  }

  warn(at: ASTNode | SourceSpot | null | undefined, message: string): void {
    this.#add('warning', at, message);
  }

  /** What is correct but may be unexpected. */
  note(at: ASTNode | SourceSpot | null | undefined, message: string): void {
    this.#add('notice', at, message);
  }

  /** An error of graphql-js, at the place that it names. */
  graphqlError(error: GraphQLError, fix: string): void {
    const at = error.nodes?.[0];
    const file = error.source?.name;
    const line = error.locations?.[0]?.line;
    const sentence = error.message.replace(/\.$/, '');
    const joined = sentence.endsWith('?')
      ? `${sentence} ${fix.charAt(0).toUpperCase()}${fix.slice(1)}`
      : `${sentence}; ${fix}`;
    this.error(file !== undefined && line !== undefined ? { file, line } : at, joined);
  }

  get hasErrors(): boolean {
    return this.#found.some(({ severity }) => severity === 'error');
  }

  warnings(): readonly Problem[] {
    return this.#sorted('warning');
  }

  notices(): readonly Problem[] {
    return this.#sorted('notice');
  }

  /** Throws one `SCHEMA_INVALID` that lists every error, in the order of files and lines. */
  throwErrors(): void {
    const errors = this.#sorted('error');
    if (errors.length === 0) return;
    const count = errors.length === 1 ? 'one problem' : `${errors.length} problems`;
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `The schema has ${count}:\n${errors.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`,
      details: { problems: errors },
    });
  }

  #add(severity: Problem['severity'], at: ASTNode | SourceSpot | null | undefined, message: string): void {
    const spot = at && 'file' in at ? at : spotOf(at);
    // The same mistake may be found repeatedly (in a filter that two fields use); it is reported once.
    if (this.#found.some((known) => known.file === spot.file && known.line === spot.line && known.message === message))
      return;
    this.#found.push({ severity, ...spot, message });
  }

  #sorted(severity: Problem['severity']): Problem[] {
    return this.#found
      .filter((problem) => problem.severity === severity)
      .sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
  }
}
