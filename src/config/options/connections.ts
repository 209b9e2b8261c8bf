/** Owns the options of connections to databases. */
import { count, milliseconds, option } from '../option.ts';

export const CONNECTIONS_OPTIONS = {
  poolSize: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Connections to each database that this server reads or writes; with several workers, that each of them does.',
  }),
  poolWarm: option(count(0), {
    default: 2,
    group: 'connections',
    help: 'Connections to each database that are opened ahead and kept open: opening one to another region takes half a dozen round trips.',
  }),
  poolQueue: option(count(0), {
    default: 1_000,
    group: 'connections',
    help: 'Statements that may wait for a connection; more are refused with OVERLOADED.',
  }),
  poolWaitMs: option(milliseconds(), { default: 2_000, group: 'connections', help: 'Longest wait for a connection.' }),
  connectMs: option(milliseconds(), {
    default: 2_000,
    group: 'connections',
    help: 'Time limit for opening a connection.',
  }),
  statementMs: option(milliseconds(), {
    default: 15_000,
    group: 'connections',
    help: 'Time limit for one SQL statement.',
  }),
  maxPrepared: option(count(10), {
    default: 500,
    group: 'connections',
    help: 'Prepared statements that one connection keeps; statements beyond are planned each time.',
  }),
  primaryReads: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Reads that may run at the primary at once from this server, so that a dead replica cannot overrun it.',
  }),
  operationStatements: option(count(), {
    default: 10,
    group: 'connections',
    help: 'Reading statements of one operation that run at once; its other ones wait for these, and take no place in the queue for connections meanwhile. Never more than poolSize or primaryReads.',
  }),
  operationWaitMs: option(milliseconds(), {
    default: 30_000,
    group: 'connections',
    help: 'Longest wait of a statement for others of its own operation; beyond, it fails with OVERLOADED.',
  }),
};
