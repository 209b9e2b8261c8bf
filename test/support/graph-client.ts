/** Owns a client of a graph for tests: it holds tokens as the package's clients do, and asks any region's gateway. */
import { splitTokens, tokensAfter } from '../../src/base/token-text.ts';
import { type Answer, type Call } from './app.ts';
import { type GraphGatewayOptions, type TestGraph } from './graph.ts';

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

  async ask<D>(region: string, query: string, call: Omit<Call, 'token'> = {}): Promise<Answer<D>> {
    const sent = this.#held;
    const answer = await this.#graph.gql<D>({ ...this.#through, region }, query, { ...call, ...(sent.length === 0 ? {} : { token: sent.join(',') }) });
    this.#held = tokensAfter({ held: this.#held, sent, answered: splitTokens(answer.token) });
    return answer;
  }
}
