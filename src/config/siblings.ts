/** Owns the option `siblings`: the URLs of the servers of the graph's other subgraphs, by name. */
import { z } from 'zod';
import { isRecord } from './file.ts';

/** By subgraph name, or what is wrong with the text: a phrase that follows the option's name. */
export type ParsedSiblings = { readonly siblings: ReadonlyMap<string, string> } | { readonly problem: string };

export const SUBGRAPH_NAME = {
  pattern: /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
  words: 'a name of up to 63 letters, digits, hyphens and underscores, beginning with a letter',
};
const FORM = 'must be a JSON object of names and URLs, as in {"accounts": "https://accounts.eu.example.com/graphql"}';

/** `{"accounts": "http://…/graphql"}`; empty text means no siblings. */
export function parseSiblings(text: string): ParsedSiblings {
  if (text.trim() === '') return { siblings: new Map() };
  const given = parsed(text);
  if (!isRecord(given) || Object.keys(given).length === 0) return { problem: FORM };
  const siblings = new Map<string, string>();
  for (const [name, url] of Object.entries(given)) {
    if (!SUBGRAPH_NAME.pattern.test(name))
      return {
        problem: `must give subgraphs by their names, and ${JSON.stringify(name)} is not ${SUBGRAPH_NAME.words}`,
      };
    if (typeof url !== 'string' || !URL.canParse(url) || !['http:', 'https:'].includes(new URL(url).protocol))
      return {
        problem: `must give the URL of each subgraph's GraphQL, beginning with http:// or https://, and ${name} has none`,
      };
    const { username, password } = new URL(url);
    if (username !== '' || password !== '')
      return {
        problem: `must give URLs without a user or a password, and that of ${name} has one: the viewer's own Authorization header is sent`,
      };
    siblings.set(name, url);
  }
  return { siblings };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** In a file or in code it may be the object itself. */
export const siblings = (): z.ZodType<string> =>
  z
    .preprocess(
      (value) => (isRecord(value) ? JSON.stringify(value) : value),
      z.string({ error: FORM }).superRefine((text, context) => {
        const read = parseSiblings(text);
        if ('problem' in read) context.addIssue({ code: 'custom', message: read.problem });
      }),
    )
    .describe('JSON object of names and URLs');
