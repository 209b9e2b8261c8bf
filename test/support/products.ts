/** Owns the code of the suite's `products` subgraph: what no directive says of it. */
import { type UserResolver, type UserResolvers } from '../../src/graphql/resolvers.ts';
import { type Row } from '../../src/model/model.ts';

interface Reference {
  readonly id?: string;
  readonly sku?: string;
  readonly package?: string;
  readonly variation?: { readonly id: string };
  readonly study?: { readonly caseNumber: string };
  readonly email?: string;
  readonly totalProductsCreated?: number;
  readonly yearsOfEmployment?: number;
}
type Resolve = (reference: Reference, context: Parameters<UserResolver>[2]) => Promise<Row | null>;

const product: Resolve = async ({ id, sku, package: pack, variation }, context) => {
  if (id !== undefined) return context.loaders.one('Product', ['id'], [id]);
  if (pack !== undefined) return context.loaders.one('Product', ['sku', 'package'], [sku, pack]);
  const [row] = await context.read("SELECT id FROM products WHERE sku = $1 AND variation ->> 'id' = $2", [sku, variation?.id]);
  return row ? context.loaders.one('Product', ['id'], [row['id']]) : null;
};

const research: Resolve = async ({ study }, { loaders }) => loaders.one('ProductResearch', ['case_number'], [study?.caseNumber]);

const user: Resolve = async ({ email, totalProductsCreated, yearsOfEmployment }, { loaders }) => {
  const row = await loaders.one('User', ['email'], [email]);
  return row === null ? null : { ...row, totalProductsCreated, yearsOfEmployment };
};

export const productResolvers: UserResolvers = {
  Product: { __resolveReference: product },
  ProductResearch: { __resolveReference: research },
  User: {
    __resolveReference: user,
    averageProductsCreatedPerYear: ({ totalProductsCreated, yearsOfEmployment }: Reference) => Math.round((totalProductsCreated ?? 0) / (yearsOfEmployment ?? 1)),
    totalProductsCreated: async ({ email, totalProductsCreated }: Reference, _args: unknown, context: Parameters<UserResolver>[2]) => totalProductsCreated ?? (await context.read('SELECT total_products_created AS total FROM users WHERE email = $1', [email]))[0]?.['total'],
  },
};
