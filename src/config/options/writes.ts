/** Owns the options of writes, forwarding and idempotency. */
import { choice, count, milliseconds, option, text } from '../option.ts';

export const WRITES_OPTIONS = {
  transactionRetries: option(count(0, 100), {
    default: 3,
    group: 'writes',
    help: 'Retries after a serialization failure or deadlock.',
  }),
  transactionRetryMs: option(milliseconds(), {
    default: 5,
    group: 'writes',
    help: 'First wait before a transaction is retried; doubles, with jitter, up to a second.',
  }),
  transactionMs: option(milliseconds(), {
    default: 30_000,
    group: 'writes',
    help: 'Time limit of one interactive transaction, its retries included; it is rolled back when it is over.',
  }),
  writes: option(choice(['auto', 'forward', 'direct']), {
    default: 'auto',
    group: 'writes',
    help: "How mutations get to the primary from other regions: forwarded whole to the primary region's server in one crossing, or direct to its database. auto forwards where that server's URL is known and it answers, else goes direct.",
  }),
  forwardMs: option(milliseconds(), {
    default: 10_000,
    group: 'writes',
    help: 'Time limit of a forwarded mutation, from sending it until its whole answer is there.',
  }),
  forwardConnectMs: option(milliseconds(), {
    default: 1_000,
    group: 'writes',
    help: "Time limit for connecting to the primary region's server.",
  }),
  forwardConnections: option(count(), {
    default: 32,
    group: 'writes',
    help: "Connections that are kept to the primary region's server, one mutation on each at a time.",
  }),
  forwardQueue: option(count(0), {
    default: 1_000,
    group: 'writes',
    help: 'Mutations that may wait for one of these connections; more are refused with OVERLOADED.',
  }),
  forwardSecret: option(text(), {
    default: '',
    group: 'writes',
    secret: true,
    help: 'Secrets that sign forwarded mutations, comma-separated: the first signs, all verify; the same in every region. Empty: made of tokenSecret.',
  }),
  forwardWaitMs: option(milliseconds(), {
    default: 2_000,
    group: 'writes',
    help: 'Longest wait for one of these connections.',
  }),
  forwardIdleMs: option(milliseconds(1_000), {
    default: 30_000,
    group: 'writes',
    help: 'How long such a connection stays open while nothing is sent over it; shorter than keepAliveMs of the servers, and than the patience of what stands before them.',
  }),
  forwardAnswerBytes: option(count(1_024, 1 << 30), {
    default: 16 << 20,
    group: 'writes',
    help: 'Largest answer of a forwarded mutation.',
  }),
  forwardRetries: option(count(0, 10), {
    default: 1,
    group: 'writes',
    help: 'How often a mutation is forwarded again where that is safe: when the primary has moved, or when it carries an idempotency key.',
  }),
  forwardNonces: option(count(1_000, 10_000_000), {
    default: 200_000,
    group: 'writes',
    help: 'Forwarded mutations that a server remembers, for twice the sum of forwardMs and clockToleranceMs, so that none is taken twice; more are refused with OVERLOADED.',
  }),
  idempotencyMs: option(milliseconds(1_000, 2_592_000_000), {
    default: 86_400_000,
    group: 'writes',
    help: 'How long the outcome of a request with an idempotency key is kept.',
  }),
  idempotencyKeyBytes: option(count(16, 1_024), { default: 255, group: 'writes', help: 'Longest idempotency key.' }),
  outcomeBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'writes',
    help: 'Largest outcome of one transaction that is kept for an idempotency key.',
  }),
  historyMs: option(milliseconds(1_000, 31_536_000_000), {
    default: 604_800_000,
    group: 'writes',
    help: 'How long older versions of rows are kept, which MERGE, HANDLER and RESTORE compare with: a client that saw its version longer ago is refused.',
  }),
  conflictsMs: option(milliseconds(1_000, 31_536_000_000), {
    default: 2_592_000_000,
    group: 'writes',
    help: 'How long the audit of conflicts is kept.',
  }),
  pruneMs: option(milliseconds(100), {
    default: 60_000,
    group: 'writes',
    help: "Interval at which the primary's region removes what has been kept long enough.",
  }),
  pruneRows: option(count(), {
    default: 10_000,
    group: 'writes',
    help: 'Rows of each kind that one statement of it removes; a round goes on until nothing more is due, or the next one is.',
  }),
  durability: option(choice(['default', 'LOCAL', 'REMOTE_WRITE', 'REMOTE_APPLY']), {
    default: 'default',
    group: 'writes',
    help: 'How many servers must have a transaction before it is acknowledged, where neither @durable nor the transaction says so; default: as the database itself is set.',
  }),
  durabilityMs: option(milliseconds(), {
    default: 5_000,
    group: 'writes',
    help: 'Longest wait for synchronous replicas, after which the client is told that the transaction is committed at the primary alone.',
  }),
};
