/** Owns the messages between the parent process and its workers, and how an error crosses between them. */
import { type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { isMeridianError, MeridianError, messageOf, type ErrorCode } from '../../base/errors.ts';
import { type Config } from '../../config/load.ts';

/** One process's metrics, as prom-client's registry gives them. */
export type ProcessMetrics = readonly MetricObjectWithValues<MetricValue<string>>[];

/** An error as text: classes do not cross from process to process. */
export interface CarriedError {
  /** Null for an error that is not a `MeridianError`. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | null;
}

/** `metrics` asks for the worker's own metrics; `sum` returns the sum of all workers. */
export type ToWorker =
  | { readonly kind: 'start'; readonly number: number; readonly config: Config }
  | { readonly kind: 'close' }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'sum'; readonly id: number; readonly text: string };

export type FromWorker =
  | { readonly kind: 'serving'; readonly url: string }
  | { readonly kind: 'failed'; readonly error: CarriedError }
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: ProcessMetrics }
  | { readonly kind: 'sum'; readonly id: number };

export function carried(error: unknown): CarriedError {
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  return isMeridianError(error)
    ? { code: error.code, message: error.message, details: error.details, stack }
    : { code: null, message: messageOf(error), details: {}, stack };
}

export function errorOf({ code, message, details, stack }: CarriedError): Error {
  const error = code === null ? new Error(message) : new MeridianError({ code, message, details });
  if (stack !== null) error.stack = stack;
  return error;
}

/** Null for any other message that a program sends to itself. */
export function messageFrom<M extends ToWorker | FromWorker>(received: unknown): M | null {
  return typeof received === 'object' && received !== null && 'kind' in received ? (received as M) : null;
}
