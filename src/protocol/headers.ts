/** Owns the names of the HTTP headers that clients, gateways and servers send each other. Runs in browsers. */

/** The client's tokens; on an answer the one that covers it. */
export const TOKEN_HEADER = 'consistency-token';
/**
 * What a gateway has seen so far in the operation that this request is a part of: read from there on like the client's
 * tokens, without being one.
 */
export const FLOOR_HEADER = 'consistency-floor';
/** What a client's `@consistent` said, where a gateway does not pass the directive on. */
export const LEVEL_HEADER = 'consistency-level';
export const KEY_HEADER = 'idempotency-key';

/** On a mutation that one server forwards to another: who sends it, signed. */
export const SIGNATURE_HEADER = 'meridian-forward';
/**
 * Holds the status of the GraphQL answer to it; without it, whatever answered was no Meridian server that had run
 * something.
 */
export const ANSWERED_HEADER = 'meridian-answered';
/** On a question that one server of the graph asks another: who has it answers for itself alone. */
export const SIBLING_HEADER = 'meridian-sibling';
