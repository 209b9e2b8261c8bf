/** Owns why a connection cannot be made as its URL asks for it. */

/** For operators: `message` is a sentence that says what is wrong and what to do, without a password or the URL. */
export class ConnectProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectProblem';
  }
}

/** The server is not what `target_session_attrs` asks for; another host may be. */
export class OtherServer extends ConnectProblem {}
