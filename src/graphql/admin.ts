/** Owns who is an administrator, for the queries that only administrators may use. */
import { MeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';

export interface AdminDeps {
  /** Whether this viewer may see the regions' health and the conflicts. */
  isAdmin(viewer: Viewer | null): boolean | Promise<boolean>;
}

/** Throws `UNAUTHENTICATED` or `FORBIDDEN`. `what`: the query. */
export async function requireAdmin(deps: AdminDeps, viewer: Viewer | null, what: string): Promise<void> {
  if (await deps.isAdmin(viewer)) return;
  if (viewer === null)
    throw new MeridianError({
      code: 'UNAUTHENTICATED',
      message: `${what} is for administrators; send an Authorization header with an administrator's bearer token.`,
    });
  throw new MeridianError({
    code: 'FORBIDDEN',
    message: `${what} is for administrators; the bearer token names no administrator.`,
  });
}
