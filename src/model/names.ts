/** Owns how GraphQL names map to SQL names, and suggestions for a mistyped name. */
import { editDistance } from '../base/edit-distance.ts';

/** `createdAt` → `created_at`, `APIKey` → `api_key`, `line2Text` → `line2_text`. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * The plural by which a table of such rows is usually named: `task` → `tasks`, `category` → `categories`, `address` →
 * `addresses`.
 */
export function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  if (/(s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  return `${noun}s`;
}

/** The candidate closest to `name`, or null when none is close enough to be what was meant. */
export function closest(name: string, candidates: Iterable<string>): string | null {
  const wanted = comparable(name);
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    // `assignee` often means `assignee_id`, so a missing `_id` does not count as a difference.
    const spellings = [comparable(candidate), comparable(candidate.replace(/(?<=.)_?id$/i, ''))];
    const distance = Math.min(...spellings.map((spelling) => editDistance(wanted, spelling)));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?`, to be appended to a sentence; empty when no candidate is close. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = closest(name, candidates);
  return guess === null ? '' : `; did you mean "${guess}"?`;
}

function comparable(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
