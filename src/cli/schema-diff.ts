/** Owns what has changed for clients between two graphs: what breaks them, what may, and what does not. */
import { readFileSync } from 'node:fs';
import { diff } from '@graphql-inspector/core';
import { parse, Source, type DocumentNode } from 'graphql';
import { messageOf, MeridianError } from '../base/errors.ts';
import { clientGraph } from '../schema-compiler/client-graph.ts';
import { publishedDocument } from '../schema-compiler/published.ts';
import { table } from './output.ts';

const LEVELS = ['breaking', 'dangerous', 'safe'] as const;
type Level = (typeof LEVELS)[number];

export interface Change {
  readonly level: Level;
  /** `Query.task.id`, or a type's name. */
  readonly path: string;
  readonly message: string;
}

const LEVEL_OF: Readonly<Record<string, Level>> = {
  BREAKING: 'breaking',
  DANGEROUS: 'dangerous',
  NON_BREAKING: 'safe',
};

/** What is different now from what `file` says; what breaks clients comes first. */
export async function changesSince(file: string, now: DocumentNode): Promise<readonly Change[]> {
  const before = clientGraph(publishedDocument(savedGraph(file)));
  const found = await diff(before, clientGraph(publishedDocument(now)));
  const changes = found.map(({ criticality, path, message }): Change => ({
    level: LEVEL_OF[criticality.level] ?? 'breaking',
    path: path ?? '',
    message: message.replace(/\.$/, ''),
  }));
  return changes.sort(
    (a, b) =>
      LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
      a.path.localeCompare(b.path) ||
      a.message.localeCompare(b.message),
  );
}

function savedGraph(file: string): DocumentNode {
  try {
    return parse(new Source(readFileSync(file, 'utf8'), file));
  } catch (error) {
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: `The graph in ${file} cannot be read (${messageOf(error).replace(/\.$/, '')}); name a file that \`meridian schema --print\` has written.`,
      cause: error,
    });
  }
}

export function changesReport(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing has changed for clients.';
  const counts = LEVELS.map((level) => `${changes.filter((change) => change.level === level).length} ${level}`);
  return [
    table(changes.map(({ level, path, message }) => [level, path, message])),
    '',
    `Changes: ${counts.join(', ')}.`,
  ].join('\n');
}
