/** Owns the options of the graph of several subgraphs. */
import { count, milliseconds, option, textLike } from '../option.ts';
import { siblings, SUBGRAPH_NAME } from '../siblings.ts';

/** As GraphQL has names; those that begin with two underscores are its own. */
const FIELD_NAME = {
  pattern: /^(?!__)[A-Za-z_]\w*$/,
  words: 'a name of GraphQL (letters, digits and underscores, no digit first), or empty',
};

export const GRAPH_OPTIONS = {
  subgraph: option(textLike(SUBGRAPH_NAME), {
    default: '',
    group: 'the graph',
    help: "Name of this server's subgraph, as the gateway knows it; needed where the graph has several.",
  }),
  siblings: option(siblings(), {
    default: '',
    group: 'the graph',
    help: "GraphQL URLs of the other subgraphs' servers in this region, by subgraph name; regionHealth and conflicts ask them, since a gateway asks one subgraph alone. This server's own name may be among them.",
  }),
  regionHealthField: option(textLike(FIELD_NAME), {
    default: 'regionHealth',
    group: 'the graph',
    help: 'Name of the field of Query that tells administrators how regions are; empty to leave it out. The same in every subgraph of a graph.',
  }),
  conflictsField: option(textLike(FIELD_NAME), {
    default: 'conflicts',
    group: 'the graph',
    help: 'Name of the field of Query that tells administrators of conflicts; empty to leave it out. The same in every subgraph of a graph.',
  }),
  subgraphMs: option(milliseconds(), {
    default: 60_000,
    group: 'the graph',
    help: "Time limit of one fetch of the development gateway's from a subgraph, which has limits of its own for all that it does: this one is for a server that hangs.",
  }),
  siblingMs: option(milliseconds(), {
    default: 1_000,
    group: 'the graph',
    help: "Time limit of one question to another subgraph's server, from connecting until the whole answer is there.",
  }),
  siblingBytes: option(count(1_024, 1 << 28), {
    default: 4 << 20,
    group: 'the graph',
    help: "Largest answer of another subgraph's server.",
  }),
  siblingQuestions: option(count(), {
    default: 32,
    group: 'the graph',
    help: "Questions to other subgraphs' servers that may be under way at once; those beyond are not asked, and told of as not answered.",
  }),
};
