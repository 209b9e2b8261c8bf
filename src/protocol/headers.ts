/** Owns the names of the HTTP headers that clients, gateways and servers send each other. Runs in browsers. */

/** The client's tokens; on an answer, the token that covers it. */
export const TOKEN_HEADER = 'consistency-token';
/** What a gateway has seen so far in the operation: read like the client's tokens, but not guaranteed by one. */
export const FLOOR_HEADER = 'consistency-floor';
/** The client's `@consistent`, for gateways that do not pass the directive on. */
export const LEVEL_HEADER = 'consistency-level';
export const KEY_HEADER = 'idempotency-key';

/** The signature of a mutation that one server forwards to another. */
export const SIGNATURE_HEADER = 'meridian-forward';
/**
 * The status of the GraphQL answer. An answer without this header is not from a Meridian server that has run the
 * mutation.
 */
export const ANSWERED_HEADER = 'meridian-answered';
/** On a question that one server of the graph asks another: who has it answers for itself alone. */
export const SIBLING_HEADER = 'meridian-sibling';
