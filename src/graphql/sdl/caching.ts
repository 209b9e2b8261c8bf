/** Owns what of an application is cached: what the author says, and what can be kept exact. */
import { type Caching } from '../../model/model.ts';

/** Nothing is cached that has not been looked at. */
export const UNDECIDED: Caching = { off: 'it has not been decided', ttlMs: null, maxVariants: null };
