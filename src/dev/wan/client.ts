/** Owns the calls to the simulated WAN's control interface, for the cluster and for the shell. */
import { MeridianError, messageOf } from '../../base/errors.ts';
import { type LinkReport } from './link.ts';
import { type Conditions, type LinkKind } from './topology.ts';

const CALL_MS = 5_000;

export class WanControl {
  /** URL of the control interface. */
  readonly control: string;

  constructor(control: string) {
    this.control = control;
  }

  links(): Promise<LinkReport[]> {
    return this.#call('GET', '/links');
  }

  /** Changes the round trip, the jitter or both between two regions, milliseconds, for bytes sent from now on. */
  set(
    a: string,
    b: string,
    change: Partial<Conditions> & { readonly kind?: LinkKind | undefined },
  ): Promise<LinkReport[]> {
    return this.#call('PATCH', path(a, b), change);
  }

  /** Nothing passes between two regions until `heal`; for one kind of link, or all of them. */
  cut(a: string, b: string, kind?: LinkKind): Promise<LinkReport[]> {
    return this.#call('POST', `${path(a, b)}/cut`, { kind });
  }

  heal(a: string, b: string, kind?: LinkKind): Promise<LinkReport[]> {
    return this.#call('POST', `${path(a, b)}/heal`, { kind });
  }

  async #call(method: string, at: string, body?: unknown): Promise<LinkReport[]> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    let response: Response;
    try {
      response = await fetch(`${this.control}${at}`, { method, signal: AbortSignal.timeout(CALL_MS), ...sent });
    } catch (error) {
      throw new MeridianError({
        code: 'REGION_UNAVAILABLE',
        message: `The cluster's WAN control at ${this.control} does not answer (${messageOf(error)}); is the cluster running?`,
        cause: error,
      });
    }
    const answer = (await response.json()) as { links?: LinkReport[]; error?: string };
    if (!response.ok || !answer.links)
      throw new MeridianError({
        code: 'BAD_USER_INPUT',
        message: answer.error ?? `The WAN control answered ${response.status}.`,
      });
    return answer.links;
  }
}

function path(a: string, b: string): string {
  return `/links/${encodeURIComponent(a)}/${encodeURIComponent(b)}`;
}
