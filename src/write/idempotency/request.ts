/** Owns one request with an idempotency key: its owner, its fingerprint, and the numbering of its transactions. */
import { hash } from 'node:crypto';
import { JsonNumber } from '../../base/json.ts';
import { type Viewer } from '../../base/viewer.ts';
import { type Options } from '../../config/options.ts';
import { type IdempotentStep, type IdempotencyVerdict } from './outcomes.ts';

export interface IdempotentRequestInput {
  readonly key: string;
  readonly viewer: Viewer | null;
  /** The text of the operation as sent. */
  readonly source: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly limits: Pick<Options, 'idempotencyMs' | 'outcomeBytes'>;
  readonly onVerdict?: (verdict: IdempotencyVerdict) => void;
}

export class IdempotentRequest {
  readonly #input: IdempotentRequestInput;
  readonly #scope: string;
  readonly #fingerprint: string;
  readonly #counts = new Map<string, number>();
  #replayed = false;

  constructor(input: IdempotentRequestInput) {
    this.#input = input;
    this.#scope = scopeOf(input.viewer);
    this.#fingerprint = fingerprintOf(input);
  }

  /** Whether a step was answered from a stored outcome. */
  get replayed(): boolean {
    return this.#replayed;
  }

  /**
   * The step of the next transaction of the field at this response path. Must be called in the order in which the
   * transactions begin: a retry with the same order finds the outcome of the same transaction.
   */
  step(path: string): IdempotentStep {
    const count = this.#counts.get(path) ?? 0;
    this.#counts.set(path, count + 1);
    const { key, limits } = this.#input;
    return {
      scope: this.#scope,
      key,
      fingerprint: this.#fingerprint,
      step: `${path}#${count}`,
      keptMs: limits.idempotencyMs,
      maxBytes: limits.outcomeBytes,
      onVerdict: (verdict) => {
        if (verdict === 'replayed') this.#replayed = true;
        this.#input.onVerdict?.(verdict);
      },
    };
  }
}

/** The owner of the keys. All anonymous viewers share one scope, since nothing but the key distinguishes them. */
export function scopeOf(viewer: Viewer | null): string {
  return sha256(JSON.stringify(viewer === null ? null : [viewer.id, viewer.tenant]));
}

/** The same text for the same request, independent of the order of its variables. */
export function fingerprintOf({
  source,
  operationName,
  variables,
}: Pick<IdempotentRequestInput, 'source' | 'operationName' | 'variables'>): string {
  return sha256(JSON.stringify([source, operationName, sorted(variables)]));
}

/**
 * Entries instead of objects, so that a key like `__proto__` is preserved and integer-like keys are sorted like all
 * others.
 */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]) };
}

function sha256(text: string): string {
  return hash('sha256', text, 'base64url');
}
