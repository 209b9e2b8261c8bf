/** Owns `curl` commands that can be pasted into a shell, whatever they send. */

/** One word of a shell command, whatever characters it contains. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function curl(url: string, query: string, headers: readonly string[] = []): string {
  const sent = [...headers, `-H 'content-type: application/json'`, `-d ${shellWord(JSON.stringify({ query }))}`];
  return `curl -s ${sent.join(' ')} ${url}/graphql`;
}

/** A request of the administrator, whose token is in `manifest`. */
export function healthLine(url: string, selection: string, manifest: string): string {
  return curl(url, `{ ${selection} }`, [
    `-H "authorization: Bearer $(sed -n 's/.*"adminToken": "\\(.*\\)".*/\\1/p' ${shellWord(manifest)})"`,
  ]);
}

/** Extracts the `token` of a mutation's payload from the output of this command. */
export function tokenOf(line: string): string {
  return `$(${line} | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`;
}
