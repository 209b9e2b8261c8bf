/** Owns the resolvers of the payments: a transfer of six statements, with a pause in which its server can be killed. */
import { type ResolverContext } from '../../../src/index.ts';

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly cents: number;
}

export default {
  Mutation: {
    transfer: (_parent: unknown, { from, to, cents }: Transfer, context: ResolverContext): Promise<unknown> =>
      context.transaction(async (tx) => {
        await tx.query('SELECT id FROM accounts WHERE id IN ($1, $2) ORDER BY id FOR UPDATE', [from, to]);
        const taken = await tx.query('UPDATE accounts SET cents = cents - $2 WHERE id = $1 RETURNING cents', [
          from,
          cents,
        ]);
        await tx.query('SELECT pg_sleep(0.02)');
        const given = await tx.query('UPDATE accounts SET cents = cents + $2 WHERE id = $1 RETURNING cents', [
          to,
          cents,
        ]);
        await tx.query('INSERT INTO payments (reference, cents) VALUES ($1, $2)', [`transfer ${from} to ${to}`, cents]);
        await tx.query('SELECT count(*) FROM payments');
        return { fromCents: taken.rows[0]?.['cents'], toCents: given.rows[0]?.['cents'] };
      }),
  },
};
