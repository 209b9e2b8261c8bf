/** Owns one of the servers that a database URL names. */
export interface Host {
  /** As it is looked up in certificates and password files: a host's name, or the folder of its socket. */
  readonly name: string;
  /** What to connect to: a name or an address; or the path of a socket. */
  readonly address: string;
  readonly port: number;
  readonly socket: boolean;
  /** Within this machine: a socket, or a loopback address. */
  readonly local: boolean;
}
