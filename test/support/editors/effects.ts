/**
 * Owns what an acknowledged edit must have done to the row, field by field and without a look at how Meridian does it:
 * the version that it wrote, against the version before and what the editor wanted.
 */
import { longer } from './schema.ts';
import { hundredths, listOf, FIELDS, type Edit, type Kind, type Values } from './edits.ts';

interface Sides {
  readonly was: unknown;
  readonly mine: unknown;
  /** In the version before. */
  readonly before: unknown;
  /** Whether somebody else had written since the editor looked. */
  readonly met: boolean;
}

const without = (list: readonly string[], removed: readonly string[]): readonly string[] =>
  list.filter((item) => !removed.includes(item));
const sorted = (list: readonly string[]): readonly string[] => [...list].sort();
const whole = (value: unknown): bigint => BigInt(String(value));

/** As text that is the same for the same value. */
const SPELLED: Readonly<Record<string, (value: unknown) => string>> = {
  hits: (value) => String(whole(value)),
  points: (value) => String(whole(value)),
  top: (value) => String(whole(value)),
  score: (value) => String(hundredths(value)),
  low: (value) => String(hundredths(value)),
  tags: (value) => JSON.stringify(sorted(listOf(value))),
};

export function spelled(field: string, value: unknown): string {
  return (SPELLED[field] ?? JSON.stringify)(value);
}

export function removedBy({ base, input }: Edit): readonly string[] {
  return input['tags'] === undefined ? [] : without(listOf(base['tags']), listOf(input['tags']));
}

export function addedBy({ base, input }: Edit, field: 'tags' | 'log'): readonly string[] {
  return input[field] === undefined ? [] : without(listOf(input[field]), listOf(base[field]));
}

const addCount = ({ was, mine, before }: Sides): string => String(whole(before) + whole(mine) - whole(was));

const DOC: Readonly<Record<string, (sides: Sides) => string>> = {
  hits: addCount,
  score: ({ was, mine, before }) => String(hundredths(before) + hundredths(mine) - hundredths(was)),
  top: ({ mine, before }) => String(Math.max(Number(mine), Number(before))),
  low: ({ mine, before }) => String(hundredths(mine) < hundredths(before) ? hundredths(mine) : hundredths(before)),
  tags: ({ was, mine, before }) => {
    const [seen, wanted] = [listOf(was), listOf(mine)];
    return JSON.stringify(sorted([...without(listOf(before), without(seen, wanted)), ...without(wanted, seen)]));
  },
  log: ({ was, mine, before }) => JSON.stringify([...listOf(before), ...listOf(mine).slice(listOf(was).length)]),
  story: ({ was, mine, before }) => JSON.stringify(`${String(before)}${String(mine).slice(String(was).length)}`),
};

const RULED: typeof DOC = {
  points: addCount,
  title: ({ mine, before, met }) => JSON.stringify(met ? longer(String(before), String(mine)) : mine),
};

const EFFECTS: Readonly<Record<Kind, typeof DOC>> = { doc: DOC, ruled: RULED, note: {}, plain: {} };

/** Fields of `after` that are not as the edit and the version before make them, each in words. */
export function wrongEffects(edit: Edit, before: Values, after: Values, met: boolean): readonly string[] {
  const {
    target: { kind },
    base,
    input,
  } = edit;
  return FIELDS[kind].flatMap((field) => {
    const mine = input[field];
    const expected =
      mine === undefined
        ? spelled(field, before[field])
        : (EFFECTS[kind][field]?.({ was: base[field], mine, before: before[field], met }) ?? spelled(field, mine));
    const found = spelled(field, after[field]);
    return found === expected ? [] : [`${field} is ${found} instead of ${expected}`];
  });
}
