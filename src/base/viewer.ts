/** Owns the viewer: the identity that authorisation and isolation are based on. */

export interface Viewer {
  readonly id: string;
  /** Null where the token names none. */
  readonly tenant: string | null;
  readonly roles: readonly string[];
}
