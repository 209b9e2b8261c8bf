/**
 * Owns how an option is declared: its type, default, help and validation in one place; the names of variable, file key
 * and flag follow from its key.
 */
import { z } from 'zod';

export interface Option<T> {
  /** Its `description` is the type for people; its messages say what a value must be. */
  readonly schema: z.ZodType<T>;
  readonly default: T;
  readonly help: string;
  readonly group: string;
  /** Never printed, and never a flag, because every user of the machine can see command lines. */
  readonly secret?: true;
}

export function option<T>(schema: z.ZodType<T>, rest: NoInfer<Omit<Option<T>, 'schema'>>): Option<T> {
  return { schema, ...rest };
}

/** `maxWaitMs` → `MERIDIAN_MAX_WAIT_MS`. */
export function envName(key: string): string {
  return `MERIDIAN_${key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`;
}

/** `maxWaitMs` → `--max-wait-ms`. */
export function flagName(key: string): string {
  return `--${key.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()}`;
}

const WHOLE = /^\d+$/;

/** Flags and the environment give numbers as text; a file may give either. */
const fromText = (value: unknown): unknown => (typeof value === 'string' && WHOLE.test(value) ? Number(value) : value);
const wholeNumber = (what: string, min: number, max: number): z.ZodType<number> => {
  const error = `must be ${what} from ${min} to ${max}`;
  return z
    .preprocess(fromText, z.number({ error }).int(error).min(min, error).max(max, error))
    .describe(`${what}, ${min} to ${max}`);
};

export const count = (min = 1, max = 1_000_000): z.ZodType<number> => wholeNumber('a whole number', min, max);
export const milliseconds = (min = 1, max = 86_400_000): z.ZodType<number> =>
  wholeNumber('whole milliseconds', min, max);

const BOOLEANS = new Map<unknown, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);
export const flag = (): z.ZodType<boolean> =>
  z
    .preprocess((value) => BOOLEANS.get(value) ?? value, z.boolean({ error: 'must be true or false' }))
    .describe('true or false');

export const text = (): z.ZodType<string> => z.string({ error: 'must be text' }).describe('text');

export const choice = <const C extends readonly [string, ...string[]]>(values: C): z.ZodType<C[number]> => {
  const named = `one of ${values.join(', ')}`;
  return (z.enum(values, { error: `must be ${named}` }) as unknown as z.ZodType<C[number]>).describe(named);
};

/** Text that is empty or a URL of one of the schemes, given as `https`. */
export const url = (...schemes: readonly string[]): z.ZodType<string> => {
  const named = `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  const fits = (value: string): boolean =>
    value === '' || (URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)));
  return z
    .string({ error: `must be ${named}` })
    .refine(fits, `must be ${named}`)
    .describe(named);
};

/** Text that is empty or matches a pattern, which `words` describe. */
export const textLike = ({ pattern, words }: { readonly pattern: RegExp; readonly words: string }): z.ZodType<string> =>
  z
    .string({ error: `must be ${words}` })
    .refine((value) => value === '' || pattern.test(value), `must be ${words}`)
    .describe(words);

/** The items of an option that has several, separated by commas. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
