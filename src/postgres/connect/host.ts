/** Owns one of the servers that a database URL names. */
export interface Host {
  /** Name for certificates and password files: the host name, or the directory of the socket. */
  readonly name: string;
  /** What is connected to: a host name, an IP address, or the path of a socket. */
  readonly address: string;
  readonly port: number;
  readonly socket: boolean;
  /** On this machine: a socket or a loopback address. */
  readonly local: boolean;
}
