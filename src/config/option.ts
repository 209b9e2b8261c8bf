/** Owns how an option is declared: one place for its type, default, help and validation; env, file and flag names follow from its key. */
import { z } from 'zod';

export interface Option<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  readonly help: string;
  readonly group: string;
}

export function option<T>(schema: z.ZodType<T>, rest: Omit<Option<T>, 'schema'>): Option<T> {
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

/** Numbers arrive as text from flags and the environment; a file may hold either. */
const fromText = (value: unknown): unknown => (typeof value === 'string' && WHOLE.test(value) ? Number(value) : value);

export const count = (min = 1, max = 1_000_000): z.ZodType<number> => z.preprocess(fromText, z.number({ error: 'must be a whole number' }).int('must be a whole number').min(min).max(max)) as z.ZodType<number>;
export const milliseconds = (min = 1, max = 86_400_000): z.ZodType<number> => count(min, max);
export const flag = (): z.ZodType<boolean> => z.preprocess((value) => (value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value), z.boolean({ error: 'must be true or false' })) as z.ZodType<boolean>;
export const text = (): z.ZodType<string> => z.string();
export const choice = <const C extends readonly [string, ...string[]]>(values: C): z.ZodType<C[number]> => z.enum(values) as unknown as z.ZodType<C[number]>;
