/** Owns the reasons why a connection cannot be opened as its URL requires. */

/** For operators: `message` is a sentence that says what is wrong and what to do, without a password or the URL. */
export class ConnectProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectProblem';
  }
}

/** The server is not of the kind that `target_session_attrs` requires; another host may be. */
export class OtherServer extends ConnectProblem {}
