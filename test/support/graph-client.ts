/** Owns a client of a graph for tests: it holds tokens as the package's clients do, and asks any region's gateway. */
import { sleep } from '../../src/base/clock.ts';
import { splitTokens, tokensAfter } from '../../src/protocol/token-text.ts';
import { type Answer, type Call } from './app.ts';
import { type GraphGatewayOptions, type TestGraph } from './graph.ts';

const TRIES = 10;
const PAUSE_MS = 200;

export class GraphClient {
  readonly #graph: TestGraph;
  readonly #through: Omit<GraphGatewayOptions, 'region'>;
  #held: string[] = [];

  constructor(graph: TestGraph, through: Omit<GraphGatewayOptions, 'region'>) {
    this.#graph = graph;
    this.#through = through;
  }

  get held(): readonly string[] {
    return this.#held;
  }

  forget(): void {
    this.#held = [];
  }

  /**
   * As `ask`, and again while there is no answer, or an error: then nothing wrong was shown, and a busy machine is no
   * failure of the promise. Throws after the last try.
   */
  async insist<D>(region: string, query: string, call: Omit<Call, 'token'> = {}): Promise<Answer<D>> {
    let last: unknown;
    for (let triesLeft = TRIES; triesLeft > 0; triesLeft -= 1, await sleep(PAUSE_MS)) {
      try {
        const answer = await this.ask<D>(region, query, call);
        if (answer.errors.length === 0) return answer;
        last = answer.errors;
      } catch (error) {
        last = error;
      }
    }
    throw new Error(`no answer in ${TRIES} tries`, { cause: last });
  }

  async ask<D>(region: string, query: string, call: Omit<Call, 'token'> = {}): Promise<Answer<D>> {
    const sent = this.#held;
    const answer = await this.#graph.gql<D>({ ...this.#through, region }, query, {
      ...call,
      ...(sent.length === 0 ? {} : { token: sent.join(',') }),
    });
    this.#held = tokensAfter({ held: this.#held, sent, answered: splitTokens(answer.token) });
    return answer;
  }
}
