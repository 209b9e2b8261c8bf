/**
 * Owns parsing a view's query tree as stored in `pg_rewrite.ev_action`: nodes in braces, lists in parentheses, field
 * names that begin with a colon.
 */

export type TreeValue = string | TreeNode | readonly TreeValue[];

export interface TreeNode {
  readonly tag: string;
  /** The values of each field; usually there is one. */
  readonly fields: ReadonlyMap<string, readonly TreeValue[]>;
}

const TOKEN = /\s+|[(){}]|(?:\\[\s\S]|[^\s(){}\\])+/y;

/** Null if the text is not a tree. */
export function parseTree(text: string): TreeValue | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) if (match[0].trim() !== '') tokens.push(match[0]);
  let at = 0;
  const value = (): TreeValue => {
    const token = tokens[at++] ?? '';
    if (token === '(') {
      const list: TreeValue[] = [];
      while (at < tokens.length && tokens[at] !== ')') list.push(value());
      at += 1;
      return list;
    }
    if (token !== '{') return token.replace(/\\([\s\S])/g, '$1');
    const tag = tokens[at++] ?? '';
    const fields = new Map<string, TreeValue[]>();
    let current: TreeValue[] = [];
    while (at < tokens.length && tokens[at] !== '}') {
      const next = tokens[at] ?? '';
      if (next.startsWith(':')) {
        current = [];
        fields.set(next.slice(1), current);
        at += 1;
      } else current.push(value());
    }
    at += 1;
    return { tag, fields };
  };
  const tree = value();
  return at >= tokens.length ? tree : null;
}

export function isNode(value: TreeValue | undefined, tag?: string): value is TreeNode {
  return typeof value === 'object' && !Array.isArray(value) && (tag === undefined || (value as TreeNode).tag === tag);
}

export function textOf(node: TreeNode, field: string): string {
  const [value] = node.fields.get(field) ?? [];
  return typeof value === 'string' ? value : '';
}

export function nodeOf(node: TreeNode, field: string): TreeNode | null {
  const [value] = node.fields.get(field) ?? [];
  return isNode(value) ? value : null;
}

/** The nodes of a list; the empty list is written as `<>`. */
export function nodesOf(node: TreeNode, field: string): readonly TreeNode[] {
  const [value] = node.fields.get(field) ?? [];
  return Array.isArray(value) ? (value as readonly TreeValue[]).filter((one): one is TreeNode => isNode(one)) : [];
}
