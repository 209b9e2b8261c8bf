/** Owns lines for a shell: `curl` as it can be pasted, whatever it sends. */

/** One word of a shell, whatever it holds. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function curl(url: string, query: string, headers: readonly string[] = []): string {
  const sent = [...headers, `-H 'content-type: application/json'`, `-d ${shellWord(JSON.stringify({ query }))}`];
  return `curl -s ${sent.join(' ')} ${url}/graphql`;
}

/** What the administrator sees, whose token `manifest` holds. */
export function healthLine(url: string, selection: string, manifest: string): string {
  return curl(url, `{ ${selection} }`, [
    `-H "authorization: Bearer $(sed -n 's/.*"adminToken": "\\(.*\\)".*/\\1/p' ${shellWord(manifest)})"`,
  ]);
}

/** What a mutation's payload has as `token`, out of what this line prints. */
export function tokenOf(line: string): string {
  return `$(${line} | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`;
}
