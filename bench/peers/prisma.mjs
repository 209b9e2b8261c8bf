/**
 * Prisma without its Rust engine (adapter for `pg`), with the extension for read replicas, behind `node:http`; one
 * statement with joins per request.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import { readReplicas } from '@prisma/extension-read-replicas';
import { PrismaClient } from './node_modules/.prisma-peer/index.js';
import { HOME } from '../support/queries.ts';
import { POOL_SIZE, readUrl, writeUrl } from './shared/environment.mjs';
import { serve } from './shared/http.mjs';

/** @param {string} connectionString */
const client = (connectionString) => new PrismaClient({ adapter: new PrismaPg({ connectionString, max: POOL_SIZE }) });
// Queries outside transactions go to a replica by themselves.
const prisma = client(writeUrl).$extends(readReplicas({ replicas: [client(readUrl)] }));

const SELECT = {
  id: true,
  name: true,
  email: true,
  organization: { select: { id: true, name: true } },
  assignedTasks: {
    select: { id: true, title: true, status: true, priority: true },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    take: 10,
  },
};
/**
 * GraphQL's ids are strings; Prisma's are BigInt, which JSON does not know. @param {string} key @param {unknown} value
 */
const idsAsText = (key, value) => (typeof value === 'bigint' ? String(value) : value);

serve(async ({ query, variables }) => {
  if (query !== HOME) throw new RangeError('this server answers one query');
  const user = await prisma.user.findUnique({
    relationLoadStrategy: 'join',
    where: { id: BigInt(String(variables.id)) },
    select: SELECT,
  });
  const data = { user: user && { ...user, assignedTasks: { nodes: user.assignedTasks } } };
  return JSON.stringify({ data }, idsAsText);
});
