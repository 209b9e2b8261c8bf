/** Owns how names of GraphQL and names of SQL find each other, and what a mistyped name probably meant. */

/** `createdAt` → `created_at`, `APIKey` → `api_key`, `line2Text` → `line2_text`. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** The plural that a table of such rows has: `task` → `tasks`, `category` → `categories`, `address` → `addresses`. */
export function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  if (/(s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  return `${noun}s`;
}

/** The candidate that `name` was probably meant to be, or null when none is close. */
export function closest(name: string, candidates: Iterable<string>): string | null {
  const wanted = comparable(name);
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    // `assignee` means `assignee_id` as often as not, so the ending costs nothing.
    const spellings = [comparable(candidate), comparable(candidate.replace(/(?<=.)_?id$/i, ''))];
    const distance = Math.min(...spellings.map((spelling) => editDistance(wanted, spelling)));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` ready to append to a sentence, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = closest(name, candidates);
  return guess === null ? '' : `; did you mean "${guess}"?`;
}

function comparable(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** Fewest insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]?.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
