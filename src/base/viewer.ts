/** Owns who is asking: the identity that authorisation and isolation go by. */

export interface Viewer {
  readonly id: string;
  /** Null where the token names none. */
  readonly tenant: string | null;
  readonly roles: readonly string[];
}
