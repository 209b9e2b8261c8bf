/**
 * Owns what the text of a GraphQL request tells: whether it may write, and its name. A parser would be larger than the
 * rest of the client.
 */
import { type ClientOperation } from './carrier.ts';

const COMMENTS_AND_STRINGS = /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*/g;
const MARKS = /[{}()[\]]|[_A-Za-z]\w*/g;

/** Of several operations the one that may do most: the text does not tell which one runs. */
export function kindOf(document: string): 'query' | 'mutation' | 'subscription' {
  const kinds = new Set<string>();
  let depth = 0;
  let begins = true;
  for (const [mark] of document.replace(COMMENTS_AND_STRINGS, ' ').matchAll(MARKS)) {
    if ('{(['.includes(mark)) depth += 1;
    else if ('})]'.includes(mark)) depth -= 1;
    else if (begins) kinds.add(mark);
    begins = depth === 0 && mark === '}';
  }
  if (kinds.has('mutation')) return 'mutation';
  return kinds.has('subscription') ? 'subscription' : 'query';
}

/** The operation in the body of a POST; null if the body is not GraphQL. */
export function operationIn(body: string): ClientOperation | null {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    return null;
  }
  if (Array.isArray(request)) return manyIn(request);
  return oneIn(request);
}

/** The operation in the URL of a GET, which is a query by the rules of GraphQL over HTTP. */
export function operationAt(address: string): ClientOperation | null {
  const { searchParams } = new URL(address, 'http://localhost');
  if (!['query', 'documentId', 'id', 'extensions'].some((name) => searchParams.has(name))) return null;
  return { kind: 'query', name: searchParams.get('operationName') };
}

function oneIn(request: unknown): ClientOperation | null {
  if (typeof request !== 'object' || request === null) return null;
  const { query, documentId, id, extensions, operationName } = request as Record<string, unknown>;
  const name = typeof operationName === 'string' ? operationName : null;
  if (typeof query === 'string') return { kind: kindOf(query), name };
  // A document that the server knows by its name.
  const isPersisted =
    typeof documentId === 'string' || typeof id === 'string' || (typeof extensions === 'object' && extensions !== null);
  return isPersisted ? { kind: 'unknown', name } : null;
}

/** A batch: a query only if all of it is. */
function manyIn(requests: readonly unknown[]): ClientOperation | null {
  const operations = requests.map(oneIn);
  if (operations.length === 0 || operations.includes(null)) return null;
  return { kind: operations.every((one) => one?.kind === 'query') ? 'query' : 'unknown', name: null };
}
