/** Owns the user's module: custom resolvers, and the hooks that stand beside them. */
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { MeridianError, messageOf } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Config } from '../config/load.ts';
import { type UserResolvers } from '../graphql/resolvers.ts';
import { type ConflictHandlers } from '../graphql/write.ts';
import { type ViewerHook } from '../server/viewer.ts';

/** Who may see `regionHealth`. */
export type AdminHook = (viewer: Viewer | null) => boolean | Promise<boolean>;

export interface UserModule {
  readonly resolvers: UserResolvers;
  readonly viewer?: ViewerHook;
  readonly isAdmin?: AdminHook;
  readonly conflicts?: ConflictHandlers;
}

/**
 * Loads the module that `--resolvers` names: its default export is the resolver map; `viewer` and `isAdmin`, where it
 * exports them, are hooks, and `conflicts` are the functions that `@conflict(handler:)` names. Throws `CONFIG_INVALID`.
 */
export async function loadModule({ options }: Config): Promise<UserModule> {
  if (options.resolvers === '') return { resolvers: {} };
  const file = resolve(options.resolvers);
  const invalid = (why: string, cause?: unknown): MeridianError =>
    new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The resolvers file ${file} ${why}`,
      ...(cause === undefined ? {} : { cause }),
    });
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw invalid(
      `cannot be loaded: ${messageOf(error)}; name a JavaScript or TypeScript module whose default export is a resolver map.`,
      error,
    );
  }
  if (!['default', 'viewer', 'isAdmin', 'conflicts'].some((name) => name in module))
    throw invalid('has no default export, nor a hook; export default { Query: { … } }.');
  const { default: map = {}, viewer, isAdmin, conflicts } = module;
  if (typeof map !== 'object' || map === null)
    throw invalid('has a default export that is no resolver map; export default { Query: { … } }.');
  for (const [name, hook] of Object.entries({ viewer, isAdmin })) {
    if (hook !== undefined && typeof hook !== 'function')
      throw invalid(`exports ${name}, which is no function; a hook is one.`);
  }
  if (
    conflicts !== undefined &&
    (typeof conflicts !== 'object' ||
      conflicts === null ||
      Object.values(conflicts).some((handler) => typeof handler !== 'function'))
  ) {
    throw invalid(
      'exports conflicts, which is no object of functions; export const conflicts = { name: ({ base, current, incoming }) => ({ set: { … } }) }.',
    );
  }
  if (options.auth === 'hook' && viewer === undefined)
    throw invalid(
      'exports no viewer, which auth: hook needs; export a function viewer({ headers }) that answers { id, tenant, roles } or null.',
    );
  return {
    resolvers: map as UserResolvers,
    ...(viewer ? { viewer: viewer as ViewerHook } : {}),
    ...(isAdmin ? { isAdmin: isAdmin as AdminHook } : {}),
    ...(conflicts ? { conflicts: conflicts as ConflictHandlers } : {}),
  };
}

/** What the schema is checked against. */
export function applicationOf({ resolvers, conflicts }: UserModule): {
  readonly resolvers: UserResolvers;
  readonly handlers: readonly string[];
} {
  return { resolvers, handlers: Object.keys(conflicts ?? {}) };
}
