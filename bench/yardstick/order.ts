/** Owns what the command and the process that sends the load say to each other. */
import { type Facts, type RequestKind } from './requests.ts';

export interface LoadOrder {
  readonly kind: RequestKind;
  readonly facts: Facts;
  /** File with the answers to the parts, as JSON. */
  readonly partsFile: string;
  /** As this server is asked. */
  readonly query: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** Number of the first request in its sequence. */
  readonly from: number;
  /** Requests per second, sent at even distances; null: each connection sends the next as soon as it is answered. */
  readonly rate: number | null;
  /** Sent with each connection's first request; it sends on what it is answered. Null: no tokens. */
  readonly token: string | null;
  /** Where others write meanwhile, one write for each nineteen reads; null: nobody does. */
  readonly writeUrl: string | null;
}

export interface LoadReport {
  readonly requests: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Requests without an answer, and answers with errors. */
  readonly errors: number;
  /** Answers that were compared with what is right, and those among them that were not. */
  readonly compared: number;
  readonly wrong: number;
  /** What some errors and wrong answers were. */
  readonly examples: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of one processor that sending the load took. */
  readonly cpuShare: number;
  /** Reads by who answered them, as compared answers tell; empty where they do not. */
  readonly servedBy: Readonly<Record<string, number>>;
  readonly writes: number;
}

export type LoadMessage = { readonly report: LoadReport } | { readonly failure: string };
