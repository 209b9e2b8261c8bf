/** Owns the code of the suite's `products` subgraph: the one field that no directive says. */
import { type UserResolvers } from '../../src/graphql/resolvers.ts';

/** What another subgraph sends of a user, as `@requires` asks. */
interface Work {
  readonly totalProductsCreated: number;
  readonly yearsOfEmployment: number;
}

export const productResolvers: UserResolvers = {
  User: {
    averageProductsCreatedPerYear: ({ totalProductsCreated, yearsOfEmployment }: Work) =>
      Math.round(totalProductsCreated / yearsOfEmployment),
  },
};
